"""Labelled rows cut into training, validation and test rows: exact, stratified, seeded.

Sizes are exact, and each class is shared out by largest remainder with a row at least in every
part, for which a share grows where there are many classes. Rows of one group stay in one part; then
sizes are exact as long as there are enough rows outside of groups of several to fill up with, else
as near as whole groups allow. Knows targets and groups, nothing of texts or where groups come from.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scorer.errors import UsageError
from scorer.wording import counted

PARTS = ("training", "validation", "test")
TRAIN, VALID, TEST = range(3)
OPTIONS = "--valid and --test take a share, a number of rows or a file"


@dataclass(frozen=True)
class Split:
    """Row indices (int64, rising) of each part; every row is in exactly one.

    `asked` are the sizes that were asked for: training, validation, test; `grown` says that they
    are larger than the shares, for a row of each class in each part.
    """

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    asked: tuple[int, int, int]
    grown: bool = False

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Rows in training, validation and test."""
        return len(self.train), len(self.valid), len(self.test)

    @property
    def notes(self) -> list[str]:
        """Lines on sizes that are not as they were asked for."""
        asked, lines = _sizes(self.asked), []
        if self.grown:
            lines.append(
                f"the parts have {asked} rows, more than their shares: a row of each class at least"
            )
        if self.sizes != self.asked:
            lines.append(
                f"rows that stay together: the parts have {_sizes(self.sizes)} rows where {asked} "
                "were asked for"
            )
        return lines


def _sizes(sizes: Sequence[int]) -> str:
    return " / ".join(f"{size:,}" for size in sizes)


def split_rows(
    targets: np.ndarray,
    valid: float | int,
    test: float | int,
    seed: int,
    groups: np.ndarray | None = None,
) -> Split:
    """Split rows by their targets, int64 (rows,), and their groups, int64 (rows,), if any.

    A float is a share of the rows, which grows to a row of each class; an int is a number of rows;
    0 leaves the part empty.
    Raises `UsageError` if the sizes do not fit or a part would have no row of some class.
    """
    codes, targets = np.unique(targets, return_inverse=True)
    asked = part_sizes(len(targets), valid, test, len(codes))
    grown = asked != part_sizes(len(targets), valid, test)
    wanted = _wanted_rows(np.bincount(targets, minlength=len(codes)), asked)
    rng = np.random.default_rng(seed)
    part_of_row = np.full(len(targets), -1)
    if groups is not None:
        _place_groups(part_of_row, targets, groups, wanted, rng)
    _place_singles(part_of_row, targets, wanted, rng)
    if groups is not None:
        _return_to_training(part_of_row, targets, groups)
    _check_classes(part_of_row, targets, asked)
    train, valid_rows, test_rows = (np.flatnonzero(part_of_row == part) for part in range(3))
    return Split(train, valid_rows, test_rows, asked, grown)


def part_sizes(
    rows: int, valid: float | int, test: float | int, least: int = 0
) -> tuple[int, int, int]:
    """Return how many rows training, validation and test get; `UsageError` if that cannot be.

    `least` are the rows that a part of which the share is given has at least.
    """
    sizes = [_part_size(rows, part, least) for part in (valid, test)]
    train = rows - sum(sizes)
    if train < 1 or min(sizes) < 0:
        raise UsageError(
            f"{counted(rows, 'row')} cannot be split into {sizes[0]:,} for validation, "
            f"{sizes[1]:,} for test and some for training",
            OPTIONS,
        )
    return train, sizes[0], sizes[1]


def _part_size(rows: int, part: float | int, least: int) -> int:
    if isinstance(part, float) and 0 < part < 1:
        return max(round(part * rows), least)
    return int(part)


def _wanted_rows(counts: np.ndarray, asked: Sequence[int]) -> np.ndarray:
    """Return int64 (3, classes): how many rows of each class each part should get."""
    filled = np.count_nonzero(asked)
    enough = counts.min() >= filled and asked[TRAIN] >= len(counts)
    if counts.min() < filled or min(size for size in asked if size) < len(counts):
        raise UsageError(
            f"{len(counts)} classes with {counts.min()} to {counts.max():,} rows cannot all be in "
            f"parts of {_sizes(asked)} rows",
            f"--valid and --test take {len(counts)} at least" if enough else OPTIONS,
        )
    wanted, left = np.zeros((3, len(counts)), np.int64), counts.copy()
    for part in (TEST, VALID):
        filled -= asked[part] > 0  # parts that still need a row of each class
        quotas = left * asked[part] / left.sum()
        least = min(1, asked[part])
        wanted[part] = _apportion(quotas, asked[part], least, left - filled)
        left -= wanted[part]
    wanted[TRAIN] = left
    return wanted


def _apportion(quotas: np.ndarray, total: int, least: int, most: np.ndarray) -> np.ndarray:
    """Return int64 (classes,) near `quotas` that sum to `total` (largest remainder, bounded)."""
    seats = np.clip(quotas.astype(np.int64), least, most)
    while seats.sum() < total:
        seats[np.where(seats < most, quotas - seats, -np.inf).argmax()] += 1
    while seats.sum() > total:
        seats[np.where(seats > least, quotas - seats, np.inf).argmin()] -= 1
    return seats


def _place_groups(
    part_of_row: np.ndarray,
    targets: np.ndarray,
    groups: np.ndarray,
    wanted: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """Put each group of several rows into the part that lacks most; take it off `wanted`."""
    _, groups, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    rows_by_group = np.split(np.argsort(groups, kind="stable"), np.cumsum(sizes)[:-1])
    shuffled = rng.permutation(np.flatnonzero(sizes > 1))
    shares = np.maximum(wanted, 1)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        rows = rows_by_group[group]
        counts = np.bincount(targets[rows], minlength=wanted.shape[1])
        part = _neediest(counts, wanted, shares)
        part_of_row[rows] = part
        wanted[part] -= counts


def _return_to_training(part_of_row: np.ndarray, targets: np.ndarray, groups: np.ndarray) -> None:
    """Take classes of which training has no row back, with all of their groups."""
    lost = np.setdiff1d(targets, targets[part_of_row == TRAIN])
    part_of_row[np.isin(groups, groups[np.isin(targets, lost)])] = TRAIN


def _neediest(counts: np.ndarray, wanted: np.ndarray, shares: np.ndarray) -> int:
    """Return the part a group goes to: of those it fits in, the one that is least filled."""
    room = wanted.sum(axis=1)  # (parts,)
    if not (room >= counts.sum()).any():
        return int(room.argmax())
    need = (wanted / shares) @ counts
    return int(np.where(room >= counts.sum(), need, -np.inf).argmax())


def _place_singles(
    part_of_row: np.ndarray, targets: np.ndarray, wanted: np.ndarray, rng: np.random.Generator
) -> None:
    """Fill the parts up to `wanted`, less what groups have put there, with the rows still free."""
    free = rng.permutation(np.flatnonzero(part_of_row < 0))
    part_of_row[free] = TRAIN
    for part in (TEST, VALID):
        counts = np.bincount(targets[free], minlength=wanted.shape[1])
        total = min(max(int(wanted[part].sum()), 0), len(free))
        seats = _apportion(np.maximum(wanted[part], 0), total, 0, counts)
        chosen = _rank_in_class(targets[free]) < seats[targets[free]]
        part_of_row[free[chosen]] = part
        free = free[~chosen]


def _rank_in_class(targets: np.ndarray) -> np.ndarray:
    """Return int64 (rows,): how many earlier rows have the same target."""
    order = np.argsort(targets, kind="stable")
    counts = np.bincount(targets)
    ranks = np.empty(len(targets), np.int64)
    ranks[order] = np.arange(len(targets)) - np.repeat(np.cumsum(counts) - counts, counts)
    return ranks


def _check_classes(part_of_row: np.ndarray, targets: np.ndarray, asked: Sequence[int]) -> None:
    """Raise `UsageError` for a part of which the figures would be those of one class."""
    for part, size in enumerate(asked):
        if size and len(np.unique(targets[part_of_row == part])) < 2:
            raise UsageError(
                f"rows that stay together leave the {PARTS[part]} part without rows of two classes",
                "Another --seed, larger shares, --keep-duplicates or no --group-column may do",
            )
