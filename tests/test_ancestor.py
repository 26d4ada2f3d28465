"""The ancestor's files: its comparisons and rankings come in, all or none, never twice; and go out."""

import zipfile
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from unittest.mock import Mock

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import transaction

from annotation.errors import Conflict, Invalid, Refused
from annotation.imports import ancestor
from annotation.imports.ancestor import Report, import_ancestor
from annotation.imports.jobs import request_import, run_import
from annotation.models import Assignment, Comparison, Criterion, Image, Outcome, Pair, Project, User
from annotation.services.assignments import open_assignments
from annotation.services.comparisons import record_comparison, retract_comparison
from annotation.services.images import add_image
from annotation.services.imported_comparisons import Judged, append_imported
from annotation.services.projects import create_project
from rating.exports.jobs import path_of, request_export, run_export
from rating.models import Export
from rating.services import recompute
from tests.conftest import membership, picture
from tests.pages import logged_in
from tests.promises import assert_promises

pytestmark = pytest.mark.django_db

HEADER = "Image,ELO,Uncertainty,Upvotes,Downvotes\n"


@pytest.fixture
def give(project: Project, alice: User, tmp_path: Path) -> Callable[..., Report]:
    """`give(comparisons="Winner,Loser\\n…")`: the text as a file, imported as alice's."""

    def import_text(**texts: str | bytes) -> Report:
        paths = {}
        for name, text in texts.items():
            paths[name] = tmp_path / f"{name}.csv"
            paths[name].write_bytes(text if isinstance(text, bytes) else text.encode())
        return import_ancestor(project, alice, paths.get("rankings"), paths.get("comparisons"))

    return import_text


def log(project: Project) -> list[tuple[str, str]]:
    """Winner and loser of each comparison, in the log's order."""
    rows = Comparison.objects.filter(project=project).select_related("left", "right")
    return [
        (row.left.name, row.right.name)
        if row.outcome == Outcome.LEFT
        else (row.right.name, row.left.name)
        for row in rows.order_by("created_at", "id")
    ]


def csv_of(rows: list[tuple[str, str]]) -> str:
    return "Winner,Loser\n" + "".join(f"{winner},{loser}\n" for winner, loser in rows)


REPEATED = [("0.png", "1.png"), ("2.png", "0.png"), ("0.png", "1.png"), ("1.png", "0.png")] * 600


def test_comparisons_come_in_with_their_order_and_their_repeats(
    project: Project, images: list[Image], alice: User, give: Callable[..., Report]
) -> None:
    report = give(comparisons=csv_of(REPEATED))
    assert (report.added, report.known) == (2400, 0)
    assert log(project) == REPEATED
    assert set(Assignment.objects.values_list("strategy", "state")) == {("imported", "answered")}
    assert set(Comparison.objects.values_list("annotator", flat=True)) == {alice.id}
    left = Comparison.objects.filter(outcome=Outcome.LEFT).count()
    assert 1000 < left < 1400, "the winner's side is tossed"
    assert_promises(project)


def test_the_same_file_again_adds_nothing_and_a_longer_one_only_what_is_new(
    project: Project, images: list[Image], give: Callable[..., Report]
) -> None:
    give(comparisons=csv_of(REPEATED[:3]))
    again = give(comparisons=csv_of(REPEATED[:3]))
    assert (again.added, again.known) == (0, 3)
    grown = give(comparisons=csv_of(REPEATED[:5]))
    assert (grown.added, grown.known) == (2, 3)
    assert log(project) == REPEATED[:5]
    assert_promises(project)


def logged(project: Project, user: User) -> int:
    return Comparison.objects.filter(project=project, annotator=user).count()


def test_two_people_who_agree_are_two_people(
    project: Project, images: list[Image], alice: User, bob: User, carol: User, tmp_path: Path
) -> None:
    """One file for each of two people, of equal content; and one for a third, which only begins alike."""
    theirs, same, other = (tmp_path / f"{name}.csv" for name in ("theirs", "same", "other"))
    rows = [("0.png", "1.png"), ("2.png", "3.png"), ("2.png", "0.png")]
    theirs.write_text(csv_of(rows))
    same.write_text(csv_of(rows))
    other.write_text(csv_of([*rows[:2], ("0.png", "2.png")]))
    for user, path in ((alice, theirs), (bob, same), (carol, other)):
        report = import_ancestor(project, user, comparisons=path)
        assert (report.added, report.known, report.note) == (3, 0, "")
        again = import_ancestor(project, user, comparisons=path)
        assert (again.added, again.known) == (0, 3)
    assert [logged(project, user) for user in (alice, bob, carol)] == [3, 3, 3]
    assert_promises(project)


def test_two_files_of_one_person_that_begin_alike_both_come_in(
    project: Project, images: list[Image], alice: User, give: Callable[..., Report]
) -> None:
    one = csv_of([("0.png", "1.png"), ("2.png", "3.png"), ("2.png", "0.png")])
    other = csv_of([("0.png", "1.png"), ("2.png", "3.png"), ("0.png", "2.png")])
    give(comparisons=one)
    report = give(comparisons=other)
    assert (report.added, report.known) == (3, 0)
    assert "Up to line 3 the file is the same" in str(report)
    for text, begun in ((one, 3), (other, 3), (other[: other.index("0.png,2.png")], 2)):
        again = give(comparisons=text)
        assert (again.added, again.known) == (0, begun), (
            "each of them is known, and their beginning"
        )
    grown = give(comparisons=f"{other}3.png,1.png\n")
    assert (grown.added, grown.known) == (1, 3)
    assert logged(project, alice) == 7
    assert_promises(project)


def test_an_older_copy_of_a_file_adds_nothing(
    project: Project, images: list[Image], give: Callable[..., Report]
) -> None:
    give(comparisons=csv_of(REPEATED[:5]))
    give(comparisons=csv_of(REPEATED[:9]))
    for length in range(1, 10):
        report = give(comparisons=csv_of(REPEATED[:length]))
        assert (report.added, report.known, report.note) == (0, length, "")
    assert log(project) == REPEATED[:9]


def test_what_was_imported_before_persons_were_part_of_the_name_is_known_for_its_person_alone(
    project: Project, images: list[Image], alice: User, bob: User, tmp_path: Path
) -> None:
    path = tmp_path / "c.csv"
    path.write_text(csv_of(REPEATED[:3]))
    rows = ancestor._read_comparisons(path, membership(project, alice), project.criteria.get())
    by_name = {image.name: image.id for image in images}
    with transaction.atomic():
        append_imported(
            membership(project, alice),
            project.criteria.get(),
            [Judged(row.earlier_id, by_name[row.winner], by_name[row.loser]) for row in rows],
        )
    path.write_text(csv_of(REPEATED[:5]))
    for added, known in ((2, 3), (0, 5)):
        report = import_ancestor(project, alice, comparisons=path)
        assert (report.added, report.known) == (added, known)
    path.write_text(csv_of(REPEATED[:4]))
    assert import_ancestor(project, alice, comparisons=path).added == 0, "an older copy"
    path.write_text(csv_of(REPEATED[:5]))
    assert import_ancestor(project, bob, comparisons=path).added == 5


def test_an_import_that_failed_half_way_is_done_once_when_it_is_done_again(
    project: Project,
    images: list[Image],
    alice: User,
    give: Callable[..., Report],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed before the file is remembered, and just after all was written but before it was kept."""
    for place in ("_remember", "raise_revision"):
        with monkeypatch.context() as patch:
            patch.setattr(ancestor, place, Mock(side_effect=KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                give(comparisons=csv_of(REPEATED[:4]))
        assert not Comparison.objects.exists()
    assert give(comparisons=csv_of(REPEATED[:4])).added == 4
    assert log(project) == REPEATED[:4]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Winner,Loser,Tie\n0.png,1.png,1\n", "“Tie”"),
        ("Winner,Loser,Tie,User\n0.png,1.png,0,bob\n", "“Tie”, “User”"),
        (",Winner,Loser\n0,0.png,1.png\n", "“”"),
    ],
)
def test_further_columns_are_refused_by_name(
    project: Project,
    images: list[Image],
    alice: User,
    text: str,
    named: str,
    give: Callable[..., Report],
) -> None:
    with pytest.raises(Invalid, match=f"columns that are not read: {named}"):
        give(comparisons=text)
    upload = SimpleUploadedFile("votes.csv", text.encode())
    with pytest.raises(Invalid, match=f"columns that are not read: {named}"):
        request_import(project, alice, "comparisons", {}, {"file": upload})
    assert not Comparison.objects.exists()


def test_of_several_criteria_one_must_be_named(
    project: Project, images: list[Image], alice: User, tmp_path: Path
) -> None:
    Criterion.objects.create(project=project, key="match", position=1)
    path = tmp_path / "c.csv"
    path.write_text(csv_of(REPEATED[:2]))
    with pytest.raises(Invalid, match=r"several criteria. Say which one is meant: .*, match"):
        import_ancestor(project, alice, comparisons=path)
    assert import_ancestor(project, alice, comparisons=path, criterion="match").added == 2
    assert set(Comparison.objects.values_list("criterion__key", flat=True)) == {"match"}
    other = project.criteria.exclude(key="match").get().key
    assert import_ancestor(project, alice, comparisons=path, criterion=other).added == 2


def test_the_page_says_when_a_file_was_taken_for_another(
    project: Project, images: list[Image], alice: User, settings, tmp_path: Path
) -> None:
    settings.IMPORT_DIR = tmp_path / "uploaded"
    jobs = []
    for last in ("2.png,0.png", "0.png,2.png"):
        text = f"Winner,Loser\n0.png,1.png\n{last}\n"
        upload = {"file": SimpleUploadedFile("votes.csv", text.encode())}
        job = request_import(project, alice, "comparisons", {"annotator": "bob"}, upload)
        run_import(job.id)
        job.refresh_from_db()
        jobs.append((job.status, job.added, job.known, bool(job.notes)))
    assert jobs == [("done", 2, 0, False), ("done", 2, 0, True)]
    page = logged_in(alice).get(f"/projects/{project.id}/imports/").content.decode()
    assert "Up to line 2 the file is the same" in page


def test_what_was_judged_elsewhere_is_not_asked_again_and_can_be_retracted(
    project: Project, images: list[Image], alice: User, bob: User, give: Callable[..., Report]
) -> None:
    earlier = open_assignments(membership(project, bob)).assignments[0]
    record_comparison(bob, earlier.id, Outcome.LEFT)
    pairs = [(f"{a}.png", f"{b}.png") for a in range(4) for b in range(a)]
    give(comparisons=csv_of(pairs))
    assert log(project)[1:] == pairs, "after what was there"
    assert open_assignments(membership(project, bob)).assignments == []
    # Not of bob's own pair, whose place his comparison keeps.
    one = Comparison.objects.exclude(assignment__pair=earlier.pair_id).order_by("created_at")[0]
    retract_comparison(alice, one.id)
    assert_promises(project)
    (again,) = open_assignments(membership(project, alice)).assignments
    assert again.pair_id == one.assignment.pair_id


def test_removed_images_are_set_aside_with_a_reason(
    project: Project, images: list[Image], give: Callable[..., Report]
) -> None:
    report = give(comparisons="Winner,Loser\n0.png,1.png\nNone,1.png\n2.png,0.png\nNone,3.png\n")
    assert (report.added, report.removed) == (2, 2)
    removed = project.images.filter(excluded=True)
    assert {image.name for image in removed} == {"1.png", "3.png"}
    assert all("Image Ranker" in image.excluded_reason for image in removed)
    Image.objects.filter(name="1.png").update(excluded=False)
    give(comparisons="Winner,Loser\n0.png,1.png\nNone,1.png\n2.png,0.png\nNone,3.png\n")
    assert not Image.objects.get(name="1.png").excluded, "taken back by hand, it stays"
    assert_promises(project)


def test_rankings_become_prior_scores(
    project: Project, images: list[Image], give: Callable[..., Report]
) -> None:
    Image.objects.filter(name="0.png").update(metadata={"seed": 7})
    report = give(rankings=HEADER + "0.png,31.25,4.1,5,2\n1.png,-3,1e1,0,0\n")
    assert report.scored == 2
    first, second = project.images.filter(name__in=["0.png", "1.png"]).order_by("name")
    assert (first.prior_score, second.prior_score) == (31.25, -3.0)
    ranker = {"elo": 31.25, "uncertainty": 4.1, "upvotes": 5, "downvotes": 2}
    assert first.metadata == {"seed": 7, "image_ranker": ranker}
    assert_promises(project)


@pytest.mark.parametrize(
    "called",
    [
        "cats/a.png",
        "static/images/cats/a.png",
        "C:\\Users\\me\\pictures\\cats\\a.png",
        "/serve_image?path=static%2Fimages%2Fcats%2Fa.png",
        "/home/me/pictures/cats/a.png",
    ],
)
def test_an_image_is_found_by_the_end_of_its_path(
    project: Project, called: str, give: Callable[..., Report]
) -> None:
    for shade, name in enumerate(["cats/a.png", "dogs/a.png", "b.png"]):
        add_image(project, picture(shade), name=name)
    give(comparisons=csv_of([(called, "elsewhere/b.png")]))
    assert log(project) == [("cats/a.png", "b.png")]


def test_an_image_is_found_by_its_file_name_if_only_one_has_it(
    project: Project, give: Callable[..., Report]
) -> None:
    add_image(project, picture(1), name="upload/cats/a.png")
    add_image(project, picture(2), name="=b.png")
    give(comparisons=csv_of([("a.png", "'=b.png")]))
    assert log(project) == [("upload/cats/a.png", "=b.png")], "a cell that was defused, too"


BAD = {
    "unknown": ("Winner,Loser\n0.png,1.png\n0.png,x.png\n", r"line 3: the project has no image “x"),
    "itself": ("Winner,Loser\n0.png,0.png\n", r"line 2: an image is compared with itself"),
    "prompts": ("Winner,Loser\n0.png,cat.png\n", r"line 2: .*different prompts"),
    "ambiguous": ("Winner,Loser\n0.png,d/twin.png\n", r"line 2: 2 images .* could be “d/twin.png”"),
    "columns": ("Winner;Loser\n0.png;1.png\n", r"no column Winner, Loser"),
    "empty": ("", r"no column Winner, Loser"),
    "twice": ("Winner,Loser,Loser\n", r"two columns of the same name"),
    "cells": ("Winner,Loser\n0.png,1.png\n\n0.png\n", r"Line 4 .* it has 1 cells"),
    "encoding": (b"Winner,Loser\n0.png,1.png\n\xff\xfe.png,1.png\n", r"Line 3 .* not UTF-8"),
    "quote": ('Winner,Loser\n0.png,1.png\n"0.png,1.png\n', r"Line 3 .* cannot be read"),
    "quoted": ('Winner,Loser\n"0"x,1.png\n', r"Line 2 .* cannot be read"),
    "huge": (f"Winner,Loser\n0.png,1.png\n0.png,{'x' * 200_000}\n", r"Line 3 .* cannot be read"),
    "long": (f"Winner,Loser\n0.png,{'x' * 30_000}\n", r"Line 2 .* longer than any name"),
    "nul": ("Winner,Loser\n0.png,\0\n", r"[Ll]ine 2"),
    "utf-16": ("Winner,Loser\n0.png,x.png\n".encode("utf-16"), r"line 2: the project has no"),
    "many": ("Winner,Loser\n" + "x,0.png\n" * 9, r"line 6: [^;]*; and 4 more"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_line_is_named_and_nothing_comes_in(
    project: Project, images: list[Image], alice: User, bad: str, give: Callable[..., Report]
) -> None:
    add_image(project, picture(9), name="cat.png", prompt="a cat")
    for folder in "ab":
        add_image(project, picture(9), name=f"{folder}/twin.png")
    text, sentence = BAD[bad]
    revision = Project.objects.get(id=project.id).revision
    with pytest.raises(Invalid, match=sentence):
        give(comparisons=text, rankings=HEADER + "0.png,1,1,1,1\n")
    assert not Comparison.objects.exists()
    assert not Pair.objects.exists()
    assert not Image.objects.filter(prior_score__isnull=False).exists()
    assert Project.objects.get(id=project.id).revision == revision


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("0.png,nan,1,1,1", r"line 2: “nan” is not a number \(ELO\)"),
        ("0.png,1,inf,1,1", r"line 2: .*\(Uncertainty\)"),
        ("0.png,1,1,1.5,1", r"line 2: “1.5” is not a whole number \(Upvotes\)"),
        ("0.png,1,1,1,-1", r"line 2: .*\(Downvotes\)"),
        (f"0.png,1,1,{'9' * 5000},1", r"line 2: .*\(Upvotes\)"),
        ("x.png,1,1,1,1", r"line 2: the project has no image"),
        ("0.png,1,1,1,1\n0.png,2,1,1,1", r"line 3: “0.png” stands in the file twice"),
    ],
)
def test_bad_rankings_bring_the_comparisons_down_with_them(
    project: Project, images: list[Image], row: str, sentence: str, give: Callable[..., Report]
) -> None:
    with pytest.raises(Invalid, match=sentence):
        give(comparisons=csv_of(REPEATED[:2]), rankings=f"{HEADER}{row}\n")
    assert not Comparison.objects.exists()


def test_a_closed_project_takes_no_comparisons_from_elsewhere_either(
    project: Project, images: list[Image], give: Callable[..., Report]
) -> None:
    project.state = Project.State.CLOSED
    project.save()
    with pytest.raises(Conflict, match="closed"):
        give(comparisons=csv_of(REPEATED[:2]))
    with pytest.raises(Refused, match="Give a file"):
        give()


def test_the_command_says_what_came_in_and_for_whom(
    project: Project, images: list[Image], bob: User, tmp_path: Path
) -> None:
    comparisons, rankings = tmp_path / "c.csv", tmp_path / "r.csv"
    comparisons.write_text("\ufeff" + csv_of(REPEATED[:4]) + "None,3.png\n")
    rankings.write_text(HEADER + "0.png,31.25,4.1,5,2\n")
    said = StringIO()
    files = [f"--comparisons={comparisons}", f"--rankings={rankings}"]
    call_command("import_ancestor", str(project.id), *files, "--as=bob", stdout=said)
    assert said.getvalue().strip() == ("4 comparisons added, 0 known, 1 images removed, 1 scores")
    assert set(Comparison.objects.values_list("annotator", flat=True)) == {bob.id}
    with pytest.raises(CommandError, match="no member “erin”"):
        call_command("import_ancestor", str(project.id), *files, "--as=erin")
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        call_command("import_ancestor", str(project.id), f"--rankings={tmp_path / 'none'}")


# --- And out again -------------------------------------------------------------------------------------


def files_of(export: Export) -> dict[str, str]:
    with zipfile.ZipFile(path_of(export)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def exported(project: Project, user: User, **options: str) -> Export:
    export = request_export(project, user, "image_ranker", options)
    run_export(export.id)
    export.refresh_from_db()
    assert export.status == Export.Status.DONE, export.error
    return export


def test_what_is_written_in_the_ancestors_layout_comes_in_again_without_loss(
    project: Project, alice: User, bob: User, give: Callable[..., Report]
) -> None:
    names = ["a.png", "None", "=b.png", 'c "1", 2.png', "d/e.png", "d é.png"]
    for shade, name in enumerate(names):
        add_image(project, picture(shade), name=name)
    order = [(names[n % 5], names[(n * 3 + 1) % 5]) for n in range(40)]
    order = [pair for pair in order if pair[0] != pair[1]]
    quoted = "".join(f'"{w}","{x}"\n'.replace('c "1"', 'c ""1""') for w, x in order)
    quoted = quoted.replace('"None",', '"./None",')
    give(comparisons="Winner,Loser\n" + quoted)
    assert log(project) == order
    Image.objects.filter(name="d é.png").update(excluded=True)
    export = exported(project, alice)
    files = files_of(export)
    assert set(files) == {"image_rankings.csv", "comparisons.csv", "README.md"}
    assert export.rows == len(order) + 1 + 5

    copy = create_project(alice, name="Copy", state=Project.State.OPEN)
    for shade, name in enumerate(names):
        add_image(copy, picture(shade), name=name)
    paths = {name: path_of(export).with_name(name) for name in files}
    for name, path in paths.items():
        path.write_text(files[name], newline="")
    report = import_ancestor(copy, alice, paths["image_rankings.csv"], paths["comparisons.csv"])
    assert (report.added, report.removed, report.scored) == (len(order), 1, 5)
    assert log(copy) == log(project)
    mus = dict(recompute(project.id).ratings.values_list("image__name", "mu"))
    scores = dict(copy.images.exclude(prior_score=None).values_list("name", "prior_score"))
    assert scores == {name: pytest.approx(mu, abs=0.005) for name, mu in mus.items()}
    assert files_of(exported(copy, alice))["comparisons.csv"] == files["comparisons.csv"]


def test_what_the_layout_cannot_say_is_left_out_and_counted(
    project: Project, images: list[Image], alice: User, bob: User
) -> None:
    for outcome in (Outcome.LEFT, Outcome.TIE, Outcome.SKIP, Outcome.BOTH_BAD, Outcome.RIGHT):
        (lease,) = open_assignments(membership(project, bob)).assignments
        last, _ = record_comparison(bob, lease.id, outcome)
    retract_comparison(alice, last.id)
    export = exported(project, alice, file="csv", table="comparisons")
    assert export.rows == 1
    assert export.left_out == {"both_bad": 1, "retracted": 1, "skip": 1, "tie": 1}
    assert path_of(export).read_text().splitlines()[0] == "Winner,Loser"
    rankings = path_of(exported(project, alice, file="csv", table="rankings")).read_text()
    assert rankings.splitlines()[0] + "\n" == HEADER
    assert len(rankings.splitlines()) == 5
