"""The prompt that a generated picture carries in its own file, as the usual generators write it.

All of it is what a stranger's file says: nothing is believed to have a shape that was not looked at, and a
text that makes no sense is as if it were not there.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

# Longer texts are not looked into, and longer prompts not taken.
LONGEST_TEXT = 4 * 2**20
LONGEST_PROMPT = 20_000
LONGEST_VALUE = 2000


@dataclass(frozen=True)
class Generated:
    prompt: str
    model: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


def generated_by(texts: Mapping[str, str]) -> Generated | None:
    """What a PNG's text chunks, or the EXIF “UserComment”, tell of a picture's making; None if nothing."""
    texts = {key: _storable(text) for key, text in texts.items() if len(text) <= LONGEST_TEXT}
    for key, read in READERS:
        if key in texts:
            made = read(texts[key], texts)
            if made is not None and 0 < len(made.prompt) <= LONGEST_PROMPT:
                return made
    return None


# --- AUTOMATIC1111 and what writes as it does: Forge, SD.Next, and most web services -------------------

PAIR = re.compile(r'\s*([\w][\w \-/]{0,60}):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)')
SETTINGS = {
    "Steps": "steps",
    "Sampler": "sampler",
    "CFG scale": "cfg_scale",
    "Seed": "seed",
    "Size": "size",
}


def _automatic1111(text: str, texts: Mapping[str, str]) -> Generated | None:
    if text.lstrip().startswith("{"):
        return _swarm_or_fooocus(text)
    *lines, last = text.strip().split("\n")
    settings = dict(PAIR.findall(last)) if re.match(r"\s*Steps: *\d", last) else {}
    if not settings:
        lines.append(last)
    prompt: list[str] = []
    negative: list[str] = []
    into_negative = False
    for line in lines:
        if line.startswith("Negative prompt:"):
            into_negative = True
            line = line.removeprefix("Negative prompt:")
        (negative if into_negative else prompt).append(line.strip())
    return Generated(
        "\n".join(prompt).strip(),
        settings.get("Model", "").strip('" ')[:200],
        _kept(
            "AUTOMATIC1111",
            "\n".join(negative).strip(),
            {
                ours: _number(settings[theirs])
                for theirs, ours in SETTINGS.items()
                if theirs in settings
            },
        ),
    )


def _user_comment(text: str, texts: Mapping[str, str]) -> Generated | None:
    """Only what says its settings: anybody may write a comment."""
    return _automatic1111(text, texts) if re.search(r"^\s*Steps: *\d", text, re.MULTILINE) else None


def _swarm_or_fooocus(text: str) -> Generated | None:
    values = _object(text)
    swarm = values.get("sui_image_params")
    if isinstance(swarm, dict):
        settings = {"steps": swarm.get("steps"), "seed": swarm.get("seed")}
        settings |= {"cfg_scale": swarm.get("cfgscale"), "sampler": swarm.get("sampler")}
        return Generated(
            _text(swarm.get("prompt")),
            _text(swarm.get("model"))[:200],
            _kept("SwarmUI", _text(swarm.get("negativeprompt")), settings),
        )
    if "base_model" in values:
        return Generated(
            _text(values.get("prompt")),
            _text(values.get("base_model"))[:200],
            _kept(
                "Fooocus",
                _text(values.get("negative_prompt")),
                {name: values.get(name) for name in ("steps", "seed", "sampler")},
            ),
        )
    return None


# --- ComfyUI: the graph that was run, node by node -----------------------------------------------------

WORDS = ("text", "prompt", "text_g", "text_l", "t5xxl", "clip_l", "string", "value")
# Where an encoder or its detours get their text or conditioning from, the likeliest first.
LINKS = (*WORDS, "positive", "conditioning", "conditioning_1", "conditioning_to", "guider")
MODELS = ("ckpt_name", "unet_name", "model_name")
MOST_NODES = 5000


def _comfyui(text: str, texts: Mapping[str, str]) -> Generated | None:
    nodes = {
        str(key): node["inputs"]
        for key, node in list(_object(text).items())[:MOST_NODES]
        if isinstance(node, dict) and isinstance(node.get("inputs"), dict)
    }
    samplers = [inputs for inputs in nodes.values() if _is_link(inputs.get("positive"))]
    # A sampler that begins with noise of its own says more than one that refines.
    samplers.sort(key=lambda inputs: "seed" not in inputs and "noise_seed" not in inputs)
    for inputs in samplers:
        prompt = _followed(nodes, inputs["positive"])
        if prompt:
            return Generated(prompt, _comfyui_model(nodes), _comfyui_settings(nodes, inputs))
    # Newer graphs have a guider between; with only one text there is nothing to mix up.
    guided = [inputs for inputs in nodes.values() if _is_link(inputs.get("conditioning"))]
    found = {_followed(nodes, inputs["conditioning"]) for inputs in guided} - {""}
    if len(found) == 1:
        return Generated(found.pop(), _comfyui_model(nodes), _comfyui_settings(nodes, {}))
    return None


def _is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str | int)


def _followed(nodes: Mapping[str, dict[str, Any]], link: Any) -> str:
    """The first text on the way back from a link."""
    seen: set[str] = set()
    waiting = [str(link[0])]
    while waiting:
        key = waiting.pop(0)
        if key in seen or key not in nodes:
            continue
        seen.add(key)
        inputs = nodes[key]
        words = [inputs[name] for name in WORDS if isinstance(inputs.get(name), str)]
        for text in words:
            if text.strip():
                return str(text).strip()
        waiting += [str(inputs[name][0]) for name in LINKS if _is_link(inputs.get(name))]
    return ""


def _comfyui_model(nodes: Mapping[str, dict[str, Any]]) -> str:
    for inputs in nodes.values():
        for name in MODELS:
            if isinstance(inputs.get(name), str):
                return str(inputs[name])[:200]
    return ""


def _comfyui_settings(
    nodes: Mapping[str, dict[str, Any]], sampler: Mapping[str, Any]
) -> dict[str, Any]:
    seed = sampler.get("seed", sampler.get("noise_seed"))
    settings = {"seed": seed, "steps": sampler.get("steps"), "cfg_scale": sampler.get("cfg")}
    negative = sampler.get("negative")
    return _kept(
        "ComfyUI",
        _followed(nodes, negative) if _is_link(negative) else "",
        settings | {"sampler": sampler.get("sampler_name")},
    )


# --- InvokeAI, NovelAI ---------------------------------------------------------------------------------


def _invokeai(text: str, texts: Mapping[str, str]) -> Generated | None:
    values = _object(text)
    model = values.get("model")
    if isinstance(model, dict):
        model = model.get("name") or model.get("model_name")
    return Generated(
        _text(values.get("positive_prompt")),
        _text(model)[:200],
        _kept(
            "InvokeAI",
            _text(values.get("negative_prompt")),
            {
                "seed": values.get("seed"),
                "steps": values.get("steps"),
                "cfg_scale": values.get("cfg_scale"),
                "sampler": values.get("scheduler"),
            },
        ),
    )


def _novelai(text: str, texts: Mapping[str, str]) -> Generated | None:
    """Many programs write a “Comment”; NovelAI's is an object that has the unwanted as `uc`."""
    values = _object(text)
    if "uc" not in values and texts.get("Software") != "NovelAI":
        return None
    return Generated(
        _text(texts.get("Description")) or _text(values.get("prompt")),
        _text(texts.get("Source"))[:200],
        _kept(
            "NovelAI",
            _text(values.get("uc")),
            {
                "seed": values.get("seed"),
                "steps": values.get("steps"),
                "cfg_scale": values.get("scale"),
                "sampler": values.get("sampler"),
            },
        ),
    )


READERS = (
    ("parameters", _automatic1111),
    ("invokeai_metadata", _invokeai),
    ("Comment", _novelai),
    ("prompt", _comfyui),
    ("UserComment", _user_comment),
)


# --- Reading what may be anything ----------------------------------------------------------------------


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _number(text: str) -> int | float | str:
    text = text.strip('" ')
    for kind in (int, float):
        try:
            return kind(text[:30])
        except ValueError:
            continue
    return text


def _kept(generator: str, negative: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Short texts and finite numbers only."""
    kept: dict[str, Any] = {"generator": generator}
    if negative:
        kept["negative_prompt"] = negative[:LONGEST_VALUE]
    return kept | dict(_plain(settings))


def _plain(settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, str) and value:
            yield name, value[:LONGEST_VALUE]
        elif isinstance(value, bool) or value is None:
            continue
        elif isinstance(value, int | float) and abs(value) < 2**64:
            yield name, value


def _storable(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()
