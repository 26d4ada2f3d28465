"""The prompts that generators write into their pictures, as each of them does."""

import io
import json
from typing import Any

import PIL.Image
import PIL.PngImagePlugin
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation import images
from annotation.imports.generators import Generated, generated_by

A1111 = """a cat, (fluffy:1.2)
on a sofa
Negative prompt: dog,
blurry
Steps: 20, Sampler: DPM++ 2M, CFG scale: 7.5, Seed: 123456789012, Size: 512x768, Model hash: abc, \
Model: dreamer_v8, Lora hashes: "a: 1, b: 2", Version: v1.6.0"""
COMFY = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 5,
            "steps": 25,
            "cfg": 8.0,
            "sampler_name": "euler",
            "model": ["4", 0],
            "positive": ["16", 0],
            "negative": ["7", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sdxl.safetensors"}},
    "16": {"class_type": "ConditioningCombine", "inputs": {"conditioning_1": ["6", 0]}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["9", 0], "clip": ["4", 1]}},
    "9": {"class_type": "String", "inputs": {"string": "a castle at dawn"}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "text, watermark", "clip": ["4", 1]}},
}
FLUX = {
    "1": {"class_type": "UNETLoader", "inputs": {"unet_name": "flux1-dev"}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a lighthouse"}},
    "3": {"class_type": "FluxGuidance", "inputs": {"conditioning": ["2", 0], "guidance": 3.5}},
    "4": {"class_type": "BasicGuider", "inputs": {"model": ["1", 0], "conditioning": ["3", 0]}},
}
INVOKE = {
    "positive_prompt": "a red fox",
    "negative_prompt": "cartoon",
    "model": {"name": "Juggernaut XL", "hash": "x"},
    "seed": 42,
    "steps": 30,
    "cfg_scale": 5.5,
    "scheduler": "dpmpp_2m",
}
NOVEL = {"steps": 28, "sampler": "k_euler", "seed": 99, "scale": 5.0, "uc": "lowres"}

EXPECTED = {
    "AUTOMATIC1111": (
        {"parameters": A1111},
        Generated(
            "a cat, (fluffy:1.2)\non a sofa",
            "dreamer_v8",
            {
                "generator": "AUTOMATIC1111",
                "negative_prompt": "dog,\nblurry",
                "steps": 20,
                "sampler": "DPM++ 2M",
                "cfg_scale": 7.5,
                "seed": 123456789012,
                "size": "512x768",
            },
        ),
    ),
    "ComfyUI": (
        {"prompt": json.dumps(COMFY), "workflow": "{}"},
        Generated(
            "a castle at dawn",
            "sdxl.safetensors",
            {
                "generator": "ComfyUI",
                "negative_prompt": "text, watermark",
                "seed": 5,
                "steps": 25,
                "cfg_scale": 8.0,
                "sampler": "euler",
            },
        ),
    ),
    "ComfyUI with a guider": (
        {"prompt": json.dumps(FLUX)},
        Generated("a lighthouse", "flux1-dev", {"generator": "ComfyUI"}),
    ),
    "InvokeAI": (
        {"invokeai_metadata": json.dumps(INVOKE)},
        Generated(
            "a red fox",
            "Juggernaut XL",
            {
                "generator": "InvokeAI",
                "negative_prompt": "cartoon",
                "seed": 42,
                "steps": 30,
                "cfg_scale": 5.5,
                "sampler": "dpmpp_2m",
            },
        ),
    ),
    "NovelAI": (
        {
            "Software": "NovelAI",
            "Source": "NovelAI Diffusion V4",
            "Description": "a knight",
            "Comment": json.dumps(NOVEL),
        },
        Generated(
            "a knight",
            "NovelAI Diffusion V4",
            {
                "generator": "NovelAI",
                "negative_prompt": "lowres",
                "seed": 99,
                "steps": 28,
                "cfg_scale": 5.0,
                "sampler": "k_euler",
            },
        ),
    ),
    "SwarmUI": (
        {"parameters": json.dumps({"sui_image_params": {"prompt": "a barn", "model": "m"}})},
        Generated("a barn", "m", {"generator": "SwarmUI"}),
    ),
    "Fooocus": (
        {"parameters": json.dumps({"prompt": "a tree", "base_model": "jx", "seed": "7"})},
        Generated("a tree", "jx", {"generator": "Fooocus", "seed": "7"}),
    ),
}


def png(texts: dict[str, str]) -> bytes:
    words = PIL.PngImagePlugin.PngInfo()
    for n, (key, text) in enumerate(texts.items()):
        # Plain, compressed and international chunks are all in use.
        if text.isascii():
            words.add_text(key, text, zip=bool(n % 2))
        else:
            words.add_itxt(key, text)
    content = io.BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(content, "PNG", pnginfo=words)
    return content.getvalue()


@pytest.mark.parametrize("generator", EXPECTED)
def test_the_prompt_of_each_generator_is_read_from_its_png(generator: str) -> None:
    texts, made = EXPECTED[generator]
    assert generated_by(images.inspect(png(texts)).texts) == made


def test_a_prompt_may_be_in_any_language() -> None:
    made = generated_by(images.inspect(png({"parameters": "猫, été\nSteps: 1, Seed: 2"})).texts)
    assert made is not None
    assert made.prompt == "猫, été"


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le", "ascii"])
def test_the_comment_of_a_jpeg_or_webp_is_read_in_either_order_of_bytes(
    format: str, encoding: str
) -> None:
    marker = b"ASCII\0\0\0" if encoding == "ascii" else b"UNICODE\0"
    exif = PIL.Image.Exif()
    exif.get_ifd(images.EXIF_IFD)[images.EXIF_USER_COMMENT] = marker + A1111.encode(encoding)
    content = io.BytesIO()
    PIL.Image.new("RGB", (64, 64)).save(content, format, exif=exif)
    assert generated_by(images.inspect(content.getvalue()).texts) == EXPECTED["AUTOMATIC1111"][1]


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"Description": "my holidays", "Software": "Gimp", "Comment": "Created with GIMP"},
        {"UserComment": "a nice evening"},
        {"parameters": ""},
        {"parameters": "Steps: 20, Seed: 1"},
        {"parameters": "x" * 20_001},
        {"prompt": "a plain text"},
        {"prompt": "[" * 100_000},
        {"prompt": '{"1": {"inputs": {"positive": ["1", 0]}}}'},
        {"prompt": '{"1": 5, "2": {"inputs": []}, "3": {"inputs": {"positive": [[], 0]}}}'},
        {"Comment": "[1]", "Software": "NovelAI"},
        {"invokeai_metadata": "null"},
    ],
)
def test_what_no_generator_wrote_is_left_alone(texts: dict[str, str]) -> None:
    assert generated_by(texts) is None


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_broken_exif_block_costs_a_picture_nothing() -> None:
    content = io.BytesIO()
    PIL.Image.new("RGB", (64, 64)).save(content, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff")
    assert images.inspect(content.getvalue()).texts == {}


json_values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["inputs", "positive", "text", "1", "uc", "prompt", "model", "seed"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(["parameters", "prompt", "Comment", "invokeai_metadata", "UserComment"]),
        st.text(max_size=50) | json_values.map(json.dumps),
    )
)
def test_no_text_whatever_stops_an_import(texts: dict[str, str]) -> None:
    made = generated_by(texts)
    if made is not None:
        assert made.prompt
        json.dumps(made.metadata, allow_nan=False).encode()
        (made.prompt + made.model).encode()
