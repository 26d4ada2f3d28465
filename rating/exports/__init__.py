"""Exports: one module a format; this registry is where pages, API and docs find them."""

from rating.exports import (
    comparisons,
    hf_parquet,
    hpdv2,
    hpdv3,
    image_ranker,
    imagefolder,
    imagereward,
    kto,
    pairs,
    pickapic,
    rankings,
    trl,
    webdataset,
)
from rating.exports.format import Format

MODULES = (
    rankings,
    comparisons,
    pairs,
    pickapic,
    trl,
    kto,
    imagefolder,
    hf_parquet,
    webdataset,
    imagereward,
    hpdv2,
    hpdv3,
    image_ranker,
)
FORMATS: dict[str, Format] = {module.FORMAT.key: module.FORMAT for module in MODULES}
