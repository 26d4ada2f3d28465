"""`manage.py rate_file`: a file of comparisons in, ratings out. No test here may touch the database."""

import csv
import gzip
import io
import random
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from rating.algorithms.methods import METHODS
from rating.files import ANNOTATOR_COLUMNS, RATING_COLUMNS

HEADER = "item_a,item_b,label,annotator,context\n"
SMALL = HEADER + "a,b,1,7,cats\nb,c,1,7,cats\na,c,0,8,cats\nb,a,-1,8,cats\n"
ORDERLESS = [key for key, method in METHODS.items() if not method.needs_order]
Row = dict[str, str]


class Folder:
    """A folder with a file to rate, and what became of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.out, self.people = path / "out.csv", path / "people.csv"
        self.told = self.warned = ""

    def rate(self, content: str | bytes, *args: str, people: bool = False) -> list[Row]:
        source = self.path / "in.csv"
        source.write_bytes(content.encode() if isinstance(content, str) else content)
        more = ["--annotators", str(self.people)] if people else []
        out, err = io.StringIO(), io.StringIO()
        call_command(
            "rate_file", str(source), "-o", str(self.out), *more, *args, stdout=out, stderr=err
        )
        self.told, self.warned = out.getvalue(), err.getvalue()
        return rows(self.out)

    def refusal(self, content: str | bytes, *args: str, people: bool = False) -> str:
        """What it says when it refuses; it must leave nothing behind."""
        with pytest.raises(CommandError) as refused:
            self.rate(content, *args, people=people)
        assert [path.name for path in self.path.iterdir()] == ["in.csv"]
        return str(refused.value)


def rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def simulated(seed: int = 0, contexts: int = 3) -> list[str]:
    """Lines of 8 items a context, the last the best, by five sharp people and one, 9, who reverses."""
    chance = random.Random(seed)
    lines = []
    for _ in range(150 * contexts):
        a, b = chance.sample(range(8), 2)
        person = chance.choice([10, 11, 12, 13, 14, 9])
        d = (a - b) / 2 + chance.gauss(0, 1)
        label = 0 if abs(d) < 0.2 else 1 if d > 0 else -1
        label *= -1 if person == 9 else 1
        lines.append(f"{a},{b},{label},{person},topic {chance.randrange(contexts)}\n")
    return lines


# --- What comes out ----------------------------------------------------------------------------------


def test_each_item_gets_its_rank_its_rating_and_its_count(folder: Folder) -> None:
    first, second, third = folder.rate(SMALL)
    assert tuple(first) == RATING_COLUMNS
    assert [row["item"] for row in (first, second, third)] == ["a", "b", "c"]
    assert [row["rank"] for row in (first, second, third)] == ["1", "2", "3"]
    assert [row["comparisons"] for row in (first, second, third)] == ["3", "3", "2"]
    assert first["context"] == "cats"
    assert int(first["rank_low"]) <= 1 <= int(first["rank_high"])
    assert float(first["score"]) == float(first["mu"]) - 3 * float(first["sigma"])


def test_numbers_are_written_in_all_their_digits(folder: Folder) -> None:
    for row in folder.rate(SMALL):
        assert row["mu"] == repr(float(row["mu"]))
        assert row["sigma"] == repr(float(row["sigma"]))


def test_each_annotator_gets_a_sharpness(folder: Folder) -> None:
    folder.rate(HEADER + "".join(simulated()), people=True)
    people = rows(folder.people)
    assert tuple(people[0]) == ANNOTATOR_COLUMNS
    assert [row["annotator"] for row in people] == ["9", "10", "11", "12", "13", "14"]
    assert sum(int(row["comparisons"]) for row in people) == 450
    sharpness = [float(row["sharpness"]) for row in people]
    assert sharpness[0] < 0 < min(sharpness[1:])
    for row in people:
        low, high = float(row["sharpness_low"]), float(row["sharpness_high"])
        assert low <= float(row["sharpness"]) <= high


@pytest.mark.parametrize("method", METHODS)
def test_every_method_ranks_every_context(folder: Folder, method: str) -> None:
    ranked = folder.rate(HEADER + "".join(simulated()), "--method", method)
    assert folder.told.startswith(
        f"{method}: 24 items in 3 contexts, 450 comparisons, 6 annotators"
    )
    for context in ("topic 0", "topic 1", "topic 2"):
        of_it = [row for row in ranked if row["context"] == context]
        assert [int(row["rank"]) for row in of_it] == list(range(1, 9))
        assert {of_it[0]["item"], of_it[1]["item"]} <= {"5", "6", "7"}
        for row in of_it:
            assert 1 <= int(row["rank_low"]) <= int(row["rank"]) <= int(row["rank_high"]) <= 8


@pytest.mark.parametrize("method", METHODS)
def test_a_file_without_comparisons_gives_files_without_rows(folder: Folder, method: str) -> None:
    people = METHODS[method].needs_annotator
    assert folder.rate(HEADER, "--method", method, people=people) == []
    assert folder.out.read_text() == ",".join(RATING_COLUMNS) + "\n"
    if people:
        assert folder.people.read_text() == ",".join(ANNOTATOR_COLUMNS) + "\n"


@pytest.mark.parametrize("method", ORDERLESS)
def test_lines_in_another_order_give_the_same_bytes(folder: Folder, method: str) -> None:
    lines, people = simulated(), METHODS[method].needs_annotator
    folder.rate(HEADER + "".join(lines), "--method", method, people=people)
    once = [path.read_bytes() for path in (folder.out, folder.people) if path.exists()]
    random.Random(1).shuffle(lines)
    folder.rate(HEADER + "".join(lines), "--method", method, people=people)
    assert [path.read_bytes() for path in (folder.out, folder.people) if path.exists()] == once


def test_one_name_in_two_contexts_is_two_items(folder: Folder) -> None:
    lines = [f"a,b,1,{n},cats\nb,a,1,{n},dogs\n" for n in range(9)]
    ranked = folder.rate(HEADER + "".join(lines))
    assert [(row["context"], row["item"]) for row in ranked] == [
        ("cats", "a"),
        ("cats", "b"),
        ("dogs", "b"),
        ("dogs", "a"),
    ]


def test_what_is_known_of_a_person_counts_in_every_context(folder: Folder) -> None:
    """9 answers in reverse: known from the topics, so that among dogs two honest words outweigh six."""
    dogs = ["x,y,1,9,dogs\n"] * 6 + ["y,x,1,10,dogs\n", "y,x,1,11,dogs\n"]
    ranked = folder.rate(HEADER + "".join(simulated() + dogs))
    assert [row["item"] for row in ranked if row["context"] == "dogs"] == ["y", "x"]
    ranked = folder.rate(HEADER + "".join(dogs))
    assert [row["item"] for row in ranked] == ["x", "y"]


# --- What may come in --------------------------------------------------------------------------------


def test_only_items_and_label_are_needed(folder: Folder) -> None:
    ranked = folder.rate("item_a,item_b,label\nb,a,1\n")
    assert [(row["context"], row["item"]) for row in ranked] == [("", "b"), ("", "a")]
    assert folder.told.startswith("trueskill:")


def test_columns_may_come_in_any_order_and_others_are_ignored(folder: Folder) -> None:
    folder.rate(SMALL)
    expected = folder.out.read_bytes()
    lines = [line.split(",") for line in SMALL.splitlines()]
    turned = "".join(f"{c},{p},note,{lab},{b},{a}\n" for a, b, lab, p, c in lines)
    folder.rate(turned)
    assert folder.out.read_bytes() == expected


def test_a_gzipped_file_is_known_by_its_bytes_and_not_by_its_name(folder: Folder) -> None:
    folder.rate(SMALL)
    expected = folder.out.read_bytes()
    folder.rate(gzip.compress(SMALL.encode()))
    assert folder.out.read_bytes() == expected


@pytest.mark.parametrize("form", ["windows", "byte order mark", "empty lines", "no last line end"])
def test_files_of_other_programs_are_read(folder: Folder, form: str) -> None:
    folder.rate(SMALL)
    expected = folder.out.read_bytes()
    content = {
        "windows": SMALL.replace("\n", "\r\n"),
        "byte order mark": "\ufeff" + SMALL,
        "empty lines": SMALL.replace("\n", "\n\n"),
        "no last line end": SMALL.rstrip("\n"),
    }[form]
    folder.rate(content)
    assert folder.out.read_bytes() == expected


def test_names_come_out_as_they_came_in(folder: Folder) -> None:
    names = ["two\nlines", 'a "quote"', "a, comma", "猫 ü", "=1+1", "a\rreturn", " space "]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(["item_a", "item_b", "label", "annotator", "context"])
    for a, b in pairwise(names):
        writer.writerow([a, b, 1, a, "a prompt,\nof two lines"])
    ranked = folder.rate(buffer.getvalue(), people=True)
    assert {row["item"] for row in ranked} == set(names)
    assert {row["context"] for row in ranked} == {"a prompt,\nof two lines"}
    assert {row["annotator"] for row in rows(folder.people)} == set(names[:-1])


def test_the_method_follows_from_whether_the_file_names_annotators(folder: Folder) -> None:
    folder.rate(SMALL)
    assert folder.told.startswith("trueskill_annotators:")
    folder.rate(HEADER + "a,b,1,-1,cats\na,c,1,,cats\n")
    assert folder.told.startswith("trueskill:")


def test_unknown_annotators_count_and_are_not_reported(folder: Folder) -> None:
    ranked = folder.rate(SMALL + "c,d,1,-1,cats\nc,d,1,,cats\n", people=True)
    assert {row["item"]: row["comparisons"] for row in ranked}["d"] == "2"
    assert [row["annotator"] for row in rows(folder.people)] == ["7", "8"]


def test_a_file_that_names_nobody_has_nobody_to_report(folder: Folder) -> None:
    for method in ([], ["--method", "trueskill_annotators"]):
        assert len(folder.rate(HEADER + "a,b,1,-1,cats\n", *method, people=True)) == 2
        assert rows(folder.people) == []


def test_groups_that_were_never_compared_are_told(folder: Folder) -> None:
    folder.rate(SMALL + "x,y,1,7,cats\nx,y,1,7,dogs\n")
    assert folder.warned == (
        "context 'cats': 2 groups that were never compared with each other; "
        "their order rests on the prior alone\n"
    )
    folder.rate(SMALL)
    assert folder.warned == ""


def test_only_the_first_of_many_scattered_contexts_are_listed(folder: Folder) -> None:
    folder.rate(HEADER + "".join(f"a,b,1,7,c{n}\nc,d,1,7,c{n}\n" for n in range(13)))
    assert len(folder.warned.splitlines()) == 11
    assert folder.warned.endswith("… and so in 3 more contexts\n")


# --- What is refused ---------------------------------------------------------------------------------

BAD_LINES = {
    "a label that is none": (b"a,b,2,7,cats\n", "the label is '2', which is none of 1, -1 and 0"),
    "a label that is empty": (b"a,b,,7,cats\n", "the label is '', which is none of 1, -1 and 0"),
    "a first item that is empty": (b",b,1,7,cats\n", "item_a is empty"),
    "a second item of blanks": (b"a,  ,1,7,cats\n", "item_b is empty"),
    "both items empty": (b",,1,7,cats\n", "item_a is empty"),
    "an item compared with itself": (b"a,a,1,7,cats\n", "'a' is compared with itself"),
    "a column too few": (b"a,b,1,7\n", "it has 4 columns instead of 5"),
    "a column too many": (b"a,b,1,7,cats,\n", "it has 6 columns instead of 5"),
    "bytes that are no UTF-8": (b"a,b\xff,1,7,cats\n", "it is not UTF-8"),
    "bytes of a surrogate": (b"a,b\xed\xa0\x80,1,7,cats\n", "it is not UTF-8"),
    "a NUL": (b"a,b\0,1,7,cats\n", "it has a NUL character"),
    "a quote that is not closed": (b'a,"b,1,7,cats\n', "a quote is opened and never closed"),
    "text after a quote": (
        b'a,"b"c,1,7,cats\n',
        "text follows a closing quote; a quote within quotes must be doubled",
    ),
}


@pytest.mark.parametrize("case", BAD_LINES)
def test_a_bad_line_is_refused_with_its_number(folder: Folder, case: str) -> None:
    line, reason = BAD_LINES[case]
    assert folder.refusal(SMALL.encode() + line).endswith(
        f"1 line is refused, so nothing was rated:\nline 6: {reason}"
    )


@pytest.mark.parametrize("case", [case for case in BAD_LINES if "not closed" not in case])
def test_a_bad_line_amid_good_ones_does_not_shift_the_numbers(folder: Folder, case: str) -> None:
    line, reason = BAD_LINES[case]
    lines = SMALL.encode().splitlines(keepends=True)
    two_lines = b'"two\nlines",b,1,7,cats\n'
    content = b"".join([*lines[:2], two_lines, b"\n", line, *lines[2:], b"z,z,0,7,cats\n"])
    assert folder.refusal(content).splitlines()[1:] == [
        f"line 6: {reason}",
        "line 10: 'z' is compared with itself",
    ]


def test_a_quote_that_swallows_other_lines_is_told_where_it_opens(folder: Folder) -> None:
    lines = SMALL.splitlines(keepends=True)
    refusal = folder.refusal("".join([*lines[:2], 'a,"b,1,7,cats\n', *lines[2:] * 20_000]))
    assert "line 3: a cell is too long; is a quote opened and never closed?" in refusal


def test_the_first_bad_lines_are_listed_and_all_are_counted(folder: Folder) -> None:
    refusal = folder.refusal(SMALL + "a,b,x,7,cats\n" * 25).splitlines()
    assert refusal[0].endswith("25 lines are refused, so nothing was rated:")
    assert [line.split(":")[0] for line in refusal[1:-1]] == [f"line {n}" for n in range(6, 16)]
    assert refusal[-1] == "… and 15 more"


def test_what_a_terminal_would_obey_is_not_repeated(folder: Folder) -> None:
    assert "\x1b" not in folder.refusal(
        SMALL + "a,b,\x1b[2J,7,cats\n" + "a,b," + "9" * 999 + ",7,\n"
    )


def test_a_bad_byte_in_a_column_that_is_not_read_is_refused_too(folder: Folder) -> None:
    content = b"item_a,item_b,label,note\na,b,1,fine\na,b,1,\xe9\n"
    assert folder.refusal(content).endswith("line 3: it is not UTF-8")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", "the file is empty; its first line must name the columns"),
        ("a,b,1\n", "does not name the columns item_a, item_b, label; it reads 'a, b, 1'"),
        ("item_a,label\n", "does not name the columns item_b; it reads 'item_a, label'"),
        ("item_a,item_b,label,item_a\n", "names the column item_a more than once"),
    ],
)
def test_a_header_that_does_not_say_enough_is_refused(
    folder: Folder, header: str, reason: str
) -> None:
    assert reason in folder.refusal(header)


def test_a_damaged_gzip_file_is_refused(folder: Folder) -> None:
    whole = gzip.compress(SMALL.encode() * 50)
    for damaged in (whole[:-9], whole[:20] + b"\0\0\0\0" + whole[24:], whole[:-8] + b"\0" * 8):
        assert "is a damaged gzip file" in folder.refusal(damaged)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for source in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(CommandError, match="cannot be read"):
            call_command("rate_file", str(source), "-o", str(tmp_path / "out.csv"))


def test_annotators_are_only_written_by_a_method_that_knows_them(folder: Folder) -> None:
    for key, method in METHODS.items():
        if not method.needs_annotator:
            refusal = folder.refusal("not even a header", "--method", key, people=True)
            assert refusal == f"{key} learns nothing of annotators: leave out --annotators."


def test_annotators_are_only_written_of_a_file_that_has_the_column(folder: Folder) -> None:
    content = "item_a,item_b,label\na,b,1\n"
    assert "no column annotator" in folder.refusal(content, people=True)
    for key, method in METHODS.items():
        if method.needs_annotator:
            assert "no column annotator" in folder.refusal(content, "--method", key)


def test_a_method_that_does_not_exist_is_refused(folder: Folder) -> None:
    assert "invalid choice: 'elo'" in folder.refusal(SMALL, "--method", "elo")


# --- Where it is written -----------------------------------------------------------------------------


def test_a_refusal_leaves_the_last_result_as_it_was(folder: Folder) -> None:
    folder.rate(SMALL)
    before = folder.out.read_bytes()
    with pytest.raises(CommandError):
        folder.rate(SMALL + "a,a,1,7,cats\n")
    assert folder.out.read_bytes() == before


def test_a_full_disk_leaves_neither_file_half_written(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> Iterator[str]:
        yield "annotator"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rating.management.commands.rate_file.annotator_lines", full)
    assert "Nothing was written" in folder.refusal(SMALL, people=True)


def test_it_does_not_write_over_what_it_reads(folder: Folder) -> None:
    refusal = folder.refusal(SMALL, "-o", str(folder.path / "in.csv"))
    assert "would be overwritten" in refusal
    assert (folder.path / "in.csv").read_text() == SMALL


def test_it_does_not_write_both_results_into_one_file(folder: Folder) -> None:
    assert "the same file" in folder.refusal(SMALL, "--annotators", str(folder.out))


def test_it_does_not_put_a_file_in_the_place_of_a_device_or_a_folder(folder: Folder) -> None:
    for path in ("/dev/null", str(folder.path)):
        assert "is not a file" in folder.refusal(SMALL, "-o", path)
    assert "There is no folder" in folder.refusal(SMALL, "-o", str(folder.path / "no" / "o.csv"))


def test_a_link_is_followed_and_stays(folder: Folder) -> None:
    real = folder.path / "real.csv"
    real.write_text("")
    folder.out.symlink_to(real)
    assert len(folder.rate(SMALL)) == 3
    assert folder.out.is_symlink()
    assert len(rows(real)) == 3


def test_the_logic_knows_no_django(folder: Folder) -> None:
    code = "import sys, rating.files, rating.tables; sys.exit('django' in sys.modules)"
    root = Path(__file__).resolve().parent.parent
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0
