# mypy: ignore-errors
"""The trainers' own code takes one step on our exports; tiny models of random weights, nothing downloaded."""

import io
import os
from pathlib import Path

import pytest
from datasets import load_dataset
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    PreTrainedTokenizerFast,
)

ROOT = Path(os.environ["CONSUMERS_DIR"])
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}{{ eos_token }}\n"
    "{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
)
SMALL = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}


def rows(name):
    return load_dataset("parquet", data_files=str(ROOT / f"{name}.parquet"), split="train")


@pytest.fixture
def tokenizer():
    """Knows single bytes, which are enough for any text."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = {token: at for at, token in enumerate(["<pad>", "<bos>", "<eos>", *alphabet])}
    backend = Tokenizer(models.BPE(vocab=words, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        chat_template=TEMPLATE,
    )


@pytest.fixture
def config(tokenizer):
    return LlamaConfig(vocab_size=len(tokenizer), pad_token_id=0, **SMALL)


def settings(kind, folder, **more):
    return kind(
        output_dir=str(folder),
        max_steps=1,
        per_device_train_batch_size=2,
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        bf16=False,
        **more,
    )


@pytest.mark.parametrize("name", ["trl", "trl-text"])
def test_dpo_takes_a_step(name, tokenizer, config, tmp_path):
    from trl import DPOConfig, DPOTrainer

    trainer = DPOTrainer(
        LlamaForCausalLM(config),
        LlamaForCausalLM(config),
        args=settings(DPOConfig, tmp_path),
        train_dataset=rows(name).remove_columns("images"),
        processing_class=tokenizer,
    )
    assert trainer.train().global_step == 1


@pytest.mark.parametrize("name", ["trl", "trl-text"])
def test_the_reward_trainer_takes_a_step_with_the_margins(name, tokenizer, config, tmp_path):
    from trl import RewardConfig, RewardTrainer

    config.num_labels = 1
    data = rows(name).remove_columns("images")
    assert data.features["margin"].dtype == "float64"
    trainer = RewardTrainer(
        LlamaForSequenceClassification(config),
        args=settings(RewardConfig, tmp_path),
        train_dataset=data,
        processing_class=tokenizer,
    )
    assert trainer.train().global_step == 1


@pytest.mark.parametrize("name", ["kto", "kto-text"])
def test_kto_takes_a_step(name, tokenizer, config, tmp_path):
    try:
        from trl import KTOConfig, KTOTrainer
    except ImportError:
        from trl.experimental.kto import KTOConfig, KTOTrainer
    trainer = KTOTrainer(
        LlamaForCausalLM(config),
        LlamaForCausalLM(config),
        args=settings(KTOConfig, tmp_path),
        train_dataset=rows(name).remove_columns("images"),
        processing_class=tokenizer,
    )
    assert trainer.train().global_step == 1


def test_dpo_takes_a_step_with_the_images(tokenizer, config, tmp_path):
    """The judge's task as it is: a small vision model of random weights sees both images."""
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )
    from trl import DPOConfig, DPOTrainer

    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    template = (
        "{% for message in messages %}{{ message['role'] }}: "
        "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
        "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>"
        "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}{{ '<eos>' }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    tokenizer.chat_template = template
    vision = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=28,
        patch_size=14,
        projection_dim=16,
    )
    text = LlamaConfig(vocab_size=len(tokenizer), pad_token_id=0, **SMALL)
    image_token = tokenizer.convert_tokens_to_ids("<image>")
    both = LlavaConfig(vision_config=vision, text_config=text, image_token_index=image_token)
    processor = LlavaProcessor(
        CLIPImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}),
        tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        chat_template=template,
        image_token="<image>",
        num_additional_image_tokens=1,
    )
    trainer = DPOTrainer(
        LlavaForConditionalGeneration(both),
        LlavaForConditionalGeneration(both),
        args=settings(DPOConfig, tmp_path, max_length=None),
        train_dataset=rows("trl"),
        processing_class=processor,
    )
    assert trainer.train().global_step == 1


@pytest.mark.parametrize("name", ["pickapic", "pickapic-soft"])
def test_diffusion_dpo_puts_the_preferred_picture_first(name):
    """What diffusers' train_diffusion_dpo.py does with a batch, before its transforms."""
    batch = rows(name)[:]
    for first, second, label, one, two, best in zip(
        *(batch[key] for key in ("jpg_0", "jpg_1", "label_0", "image_0_uid", "image_1_uid")),
        batch["best_image_uid"],
        strict=True,
    ):
        pictures = [Image.open(io.BytesIO(content)).convert("RGB") for content in (first, second)]
        assert [picture.size for picture in pictures] == [(60, 40), (60, 40)]
        shown_first = two if label == 0 else one
        assert shown_first == best
