"""Every limit on what people and programs send, in one table, which docs/limits.md repeats.

Models, serializers, forms and parameters take theirs from here. A test walks all of them and fails for one
that has none. A limit of text is in characters; where text is part of a database index, the index can hold it
(PostgreSQL refuses an entry of more than 2,704 bytes, and a character takes up to four).
"""

from django.conf import settings

# --- Texts, in characters
ACCOUNT_NAME = 150
PASSWORD = 4096
TOKEN_NAME = 100
NOTE = 200
PROJECT_NAME = 200
INSTRUCTIONS = 20_000
CRITERION_KEY = 50
QUESTION = 300
TAG = 50
PROMPT = 20_000
IMAGE_NAME = 400
MODEL_NAME = 200
METADATA = 100_000
EXPLANATION = 2000
REASON = 300
ANSWER_REASON = 1000
ADDRESS = 2000
SERVER_PATH = 650
IMAGE_PATH = 1000
# In bytes, of a text that is in an index of the database beside an id or two.
INDEXED = 2600
BUCKET = 100
PREFIX = 1000
COLUMN = 200
REPOSITORY = 200
KEYS = 200
SEARCH = 500
PARAMETER = 500
CURSOR = 8000
FILE_NAME = 255
URL = 2**18

# --- How many
CRITERIA = 50
TAGS = 9
IMAGES_NAMED = 1000
IMAGES_SHOWN = 9
ASSIGNMENTS = 5
PAGE = 1000
JSON_DEPTH = 64
UNKNOWN_TOLD = 10

# --- Numbers: what every database's whole numbers and every client's JSON can hold
WHOLE_NUMBER = 2**31 - 1
QUOTA = 10**9
BIG_NUMBER = 2**63 - 1

# What is sent, what limits it, and the limit; as docs/limits.md has it.
TABLE: dict[str, tuple[int, str]] = {
    "A username": (ACCOUNT_NAME, "characters"),
    "A password": (PASSWORD, "characters"),
    "The name of a token": (TOKEN_NAME, "characters"),
    "The note of an invitation": (NOTE, "characters"),
    "The name of a project": (PROJECT_NAME, "characters"),
    "The instructions of a project": (INSTRUCTIONS, "characters"),
    "The key of a criterion": (CRITERION_KEY, "characters"),
    "The question of a criterion": (QUESTION, "characters"),
    "Criteria of a project": (CRITERIA, "criteria"),
    "A tag": (TAG, "characters"),
    "Tags of a project, or of a comparison": (TAGS, "tags"),
    "A prompt": (PROMPT, "characters"),
    "The name of an image": (IMAGE_NAME, "characters"),
    "The model of an image": (MODEL_NAME, "characters"),
    "The metadata of an image, as JSON": (METADATA, "characters"),
    "The explanation of an example": (EXPLANATION, "characters"),
    "The reason of a manager, for any decision": (REASON, "characters"),
    "The reason of an answer": (ANSWER_REASON, "characters"),
    "The address of a webhook": (ADDRESS, "characters"),
    "A path of the server": (SERVER_PATH, "characters"),
    "The path of an image in its folder": (IMAGE_PATH, "bytes"),
    "The name of a bucket": (BUCKET, "characters"),
    "The prefix in a bucket": (PREFIX, "characters"),
    "The name of a column": (COLUMN, "characters"),
    "The name of a repository on the hub": (REPOSITORY, "characters"),
    "The keys of one action": (KEYS, "characters"),
    "A search": (SEARCH, "characters"),
    "Any other parameter of an address": (PARAMETER, "characters"),
    "A cursor": (CURSOR, "characters"),
    "The name of an uploaded file": (FILE_NAME, "characters"),
    "An address with its parameters": (URL, "bytes"),
    "Images named in one bulk edit": (IMAGES_NAMED, "images"),
    "Images on a screen": (IMAGES_SHOWN, "images"),
    "Assignments asked for at once": (ASSIGNMENTS, "assignments"),
    "Results on a page of a list": (PAGE, "results"),
    "Objects and lists inside one another in JSON": (JSON_DEPTH, "levels"),
    "Uploaded files at once": (settings.DATA_UPLOAD_MAX_NUMBER_FILES, "files"),
    "Fields of a form": (settings.DATA_UPLOAD_MAX_NUMBER_FIELDS, "fields"),
    "A body without files": (settings.DATA_UPLOAD_MAX_MEMORY_SIZE, "bytes"),
    "An uploaded image": (settings.MAX_UPLOAD_BYTES, "bytes"),
    "An uploaded archive or table": (settings.MAX_IMPORT_UPLOAD_BYTES, "bytes"),
}
