"""Examples for the OpenAPI document: one value for each word of the API, put together by each schema.

Words mean the same everywhere, so each needs to be told once, and no example can tell of a field that
its operation does not have. A test holds every example against its schema.
"""

from typing import Any

ID = "7b0c8a52-3a55-4f0e-9a7d-3f1f6c2b9e10"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
TIME = "2026-11-22T14:03:11.482000Z"
REFUSALS: dict[str, dict[str, Any]] = {
    "400": {"name": ["This field may not be blank."]},
    "401": {"detail": "This token is unknown or has expired. Get a new one: POST token/."},
    "403": {
        "detail": "This needs the role of manager in the project; yours is reviewer. "
        "A manager of the project can change it."
    },
    "404": {"detail": "There is no such project among yours."},
    "409": {"detail": "The project is closed and takes no more comparisons."},
    "410": {"detail": "This reservation has expired. Nothing was recorded; ask for the next one."},
    "412": {
        "detail": "It has been changed since you read it. Read it again, and see whether your change "
        "still fits."
    },
    "413": {"detail": "The file is larger than 64 MB, the most an image may have."},
    "415": {"detail": "Unsupported media type “text/plain” in request."},
    "429": {"detail": "Request was throttled. Expected available in 3 seconds."},
    "503": {
        "detail": "The service is busy; nothing was saved. Send the request again in a few seconds."
    },
}
DONE = {
    "200": "What was asked for.",
    "201": "It is made.",
    "202": "It is asked for, and a worker will do it.",
    "204": "It is done, and there is nothing to say of it.",
    "206": "The part that was asked for.",
}
# By the schema and the field, or by the field alone.
WORDS: dict[str, Any] = {
    "accepted_at": None,
    "active": True,
    "allow_tie": True,
    "alpha": 0.62,
    "alpha_high": 0.71,
    "alpha_low": 0.52,
    "agreement": 0.8,
    "annotator": ID,
    "annotators": 3,
    "attempts": 1,
    "bytes": 48213,
    "comparisons": 120,
    "criterion": "better",
    "chance": 0.32,
    "Share.count": 22,
    "checks": 6,
    "cursor": None,
    "decided_at": None,
    "decided_by": "alice",
    "Flag.decision": "",
    "facts": {"count": 11.5, "of": 24, "share": 0.48, "low": 0.3, "high": 0.66, "limit": 0.7},
    "fast": None,
    "flag": ID,
    "limit_ms": 610.0,
    "median_ms": 2140.0,
    "of": 24,
    "paused": None,
    "purpose": "ranking",
    "run_chance": 0.41,
    "Share.share": 0.92,
    "Sides.run": 6,
    "side": "left",
    "summary": "11.5 of 24 known answers are right: 48 % (30–66 %), surely below 70 %.",
    "Delivery.id": "msg_0b6f0f4c1a9e4f6f9f0d2f6f3f0e8a11",
    "day": "2026-11-22",
    "detail": "What is wrong, and what to do.",
    "duration_ms": 1830,
    "error": "",
    "event": "run.finished",
    "events": ["run.finished", "export.finished"],
    "excluded_images": 2,
    "first_better": 2,
    "first_name": "04.png",
    "fingerprint": SHA256,
    "format": "pairs",
    "given_up_at": None,
    "group": 1,
    "images": 24,
    "Agreement.judgements": 118,
    "PairAgreement.judgements": 3,
    "image": ID,
    "judged": 119,
    "Assignment.image": f"/images/{ID}/",
    "Side.image": f"/images/{ID}/",
    "Image.image": f"/images/{ID}/",
    "better": ID,
    "explanation": "Its paws are right.",
    "introduced_at": TIME,
    "Prompt.reference": None,
    "position": 0,
    "practice": False,
    "practised": 5,
    "right": 4,
    "worse": ID,
    "instructions": "Look at the paws first.",
    "key": "better",
    "last_answer": "",
    "last_status": 204,
    "left_name": "04.png",
    "levels": None,
    "Assignment.images": None,
    "History.images": None,
    "LoggedComparison.images": None,
    "left_out": {"tie": 3},
    "left_share": 0.49,
    "lease_seconds": 1800,
    "metadata": {"seed": 7},
    "mean_duration_ms": 2140,
    "method": "trueskill_annotators",
    "model": "model-a",
    "mu": 27.9,
    "name": "17.png",
    "Project.name": "Cats",
    "ProjectRequest.name": "Cats",
    "PatchedProjectRequest.name": "Cats",
    "Token.name": "nightly export",
    "NewToken.name": "nightly export",
    "CredentialsRequest.name": "nightly export",
    "next": None,
    "next_attempt_at": None,
    "note": "for Erik",
    "options": {"file": "jsonl"},
    "open_assignments": 2,
    "outcomes": {"left": 58, "right": 51, "tie": 8, "both_bad": 2, "skip": 1},
    "overlap": 3,
    "password": "correct horse battery staple",
    "pairs": 41,
    "Screen.images": 2,
    "Screen.pairs": 1,
    "Screen.seconds": 1.9,
    "payload": {"type": "run.finished", "timestamp": TIME, "data": {"project": ID, "run": ID}},
    "possible_pairs": 92,
    "complete_pairs": 31,
    "previous": None,
    "probability": 0.25,
    "progress": 1.0,
    "prompt": "a cat on a sofa",
    "question": "Which image is better?",
    "quota": 200,
    "random_share": 0.1,
    "goal": "ranking",
    "top": 10,
    "screen": "pair",
    "screen_size": 4,
    "gold_share": 0.05,
    "repeat_share": 0.0,
    "warn_below": 0.7,
    "pause_below": 0.65,
    "pause_automatically": True,
    "target": "tau",
    "target_value": 0.9,
    "close_at_target": False,
    "show_prompt": True,
    "criteria_together": False,
    "ask_strength": False,
    "ask_reason": False,
    "Comparison.tags": [],
    "tags": ["hands", "text"],
    "undo_steps": 3,
    "pause_after": 45,
    "replaces": None,
    "cause": "",
    "waited_ms": 120,
    "closed_by_itself": None,
    "disagrees": False,
    "estimate": 0.91,
    "high": 0.94,
    "hours": 0.4,
    "k": 10,
    "low": 0.87,
    "most": 12_000,
    "off": -0.6,
    "promised": 0.84,
    "reached": False,
    "seconds_a_vote": 2.1,
    "seen": 0.82,
    "tau": 0.88,
    "tau_high": 0.91,
    "tau_low": 0.84,
    "top_right": 0.9,
    "CriterionAccuracy.tau": {"estimate": 0.88, "low": 0.84, "high": 0.91},
    "CriterionAccuracy.top_right": {"estimate": 0.9, "low": 0.7, "high": 1.0},
    "spearman": {"estimate": 0.97, "low": 0.95, "high": 0.99},
    "votes": 700,
    "Forecast.low": 450,
    "Forecast.high": 1100,
    "why": "Kendall’s tau of the ranking is 0.90 to 0.94 with 95 % certainty; 0.9 was wanted.",
    "rank": 1,
    "rank_high": 3,
    "rank_low": 1,
    "reason": "",
    "retracted_at": None,
    "revision": 124,
    "revoked_at": None,
    "right_name": "17.png",
    "rows": 480,
    "role": "annotator",
    "scopes": ["read", "export"],
    "score": 22.4,
    "second_better": 1,
    "second_name": "17.png",
    "seconds": 0.21,
    "set_aside": None,
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "Run.settings": {"draw_share": 0.1},
    "sha256": SHA256,
    "share": 0.43,
    "sharpness": 1.1,
    "sharpness_high": 1.4,
    "sharpness_low": 0.8,
    "side_bias": 0.02,
    "side_bias_high": 0.1,
    "side_bias_low": -0.06,
    "sigma": 1.83,
    "spammer": 0.001,
    "stale": False,
    "state": "open",
    "Delivery.state": "delivered",
    "status": "done",
    "strategy": "random",
    "strength": 2,
    "ties": 3,
    "token": "d41c0b2f7a" * 6,
    "url": "https://hooks.example.org/pairwright",
    "Export.url": f"https://pairs.example.org/api/v1/exports/{ID}/download/",
    "NewInvitation.url": "https://pairs.example.org/invitations/4n1rAjtQ8kq/",
    "username": "bob",
    "wanted": 276,
    "width": 1024,
    "height": 1024,
}

KINDS = {
    "str": "string",
    "bool": "boolean",
    "int": "integer",
    "float": "number",
    "list": "array",
    "dict": "object",
}

MOST_OF_A_COLUMN = 2**31 - 1


def add_examples(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: an example for each body, each answer and each refusal."""
    schemas = result["components"]["schemas"]
    _forget_what_the_database_can_hold(schemas)
    refusals = result["components"].setdefault("responses", {})
    for methods in result["paths"].values():
        for operation in methods.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                _give(content, schemas, reading=False)
            for status, answer in operation["responses"].items():
                answer["description"] = answer.get("description") or DONE.get(status, "")
                content = answer.get("content", {}).get("application/json")
                if status in REFUSALS and content:
                    # Told once: they are alike everywhere.
                    content["example"] = REFUSALS[status]
                    refusals[f"Refusal{status}"] = answer
                    operation["responses"][status] = {
                        "$ref": f"#/components/responses/Refusal{status}"
                    }
                elif content:
                    _give(content, schemas, reading=True)
    return result


def _forget_what_the_database_can_hold(schema: Any) -> None:
    """Else the document of an installation on SQLite is another than that of one on Postgres."""
    if isinstance(schema, dict):
        if schema.get("maximum", 0) >= MOST_OF_A_COLUMN:
            del schema["maximum"]
            schema.pop("format", None)
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            _forget_what_the_database_can_hold(part)


def _give(content: dict[str, Any], schemas: dict[str, Any], *, reading: bool) -> None:
    if "example" not in content and "examples" not in content:
        content["example"] = example_of(content["schema"], schemas, reading=reading)


def example_of(
    schema: dict[str, Any],
    schemas: dict[str, Any],
    *,
    reading: bool,
    word: str = "",
    where: str = "",
) -> Any:
    """A value that the schema takes; `word` and `where` are the field and the schema that it is in."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        inside = schemas[name]
        if "enum" not in inside:
            return example_of(inside, schemas, reading=reading, word=word, where=name)
        schema = {**inside, **{key: schema[key] for key in ("default",) if key in schema}}
    for known in (f"{where}.{word}", word):
        if known in WORDS and _fits(WORDS[known], schema):
            return WORDS[known]
    inner = [*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())]
    if inner:
        return example_of(inner[0], schemas, reading=reading, word=word, where=where)
    if "enum" in schema:
        return schema.get("default", schema["enum"][0])
    types = _types(schema)
    if "object" in types and "properties" in schema:
        return {
            name: example_of(field, schemas, reading=reading, word=name, where=where)
            for name, field in schema["properties"].items()
            if not field.get("writeOnly" if reading else "readOnly")
        }
    if "array" in types:
        item = schema.get("items", {})
        return [example_of(item, schemas, reading=reading, word=word, where=where)]
    return _plain(schema, types)


def _types(schema: dict[str, Any]) -> list[str]:
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else list(types)


def _fits(value: Any, schema: dict[str, Any]) -> bool:
    types = _types(schema)
    if "enum" in schema and value not in schema["enum"]:
        return False
    if schema.get("properties"):
        return False
    if not types and "enum" not in schema:
        return not any(name in schema for name in ("$ref", "allOf", "oneOf", "anyOf"))
    if value is None:
        return "null" in types
    kind = KINDS[type(value).__name__]
    if kind == "string" and schema.get("format") == "uuid" and value != ID:
        return False
    return kind in types or (kind == "integer" and "number" in types)


def _plain(schema: dict[str, Any], types: list[str]) -> Any:
    if "default" in schema:
        return schema["default"]
    formats = {"uuid": ID, "date-time": TIME, "date": TIME[:10], "binary": "(the file's bytes)"}
    if schema.get("format") in formats:
        return formats[schema["format"]]
    if "null" in types:
        return None
    if "boolean" in types:
        return False
    if "integer" in types or "number" in types:
        return schema.get("minimum", 4)
    return {} if "object" in types else "text"
