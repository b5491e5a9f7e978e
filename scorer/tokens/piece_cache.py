"""The cache of pieces whose token ids are known: those a bundle ships, and those met since.

Knows nothing of how a piece becomes ids.
"""

import io
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scorer.errors import BundleError
from scorer.tokens.piece_index import PieceIndex, piece_keys
from scorer.tokens.ragged_array import GrowingArray, GrowingRaggedArray, RaggedArray
from scorer.tokens.text import with_spaces

MAX_PIECES = 450_000
MAX_IDS = 16_000_000
NOTHING = 0  # the number of the piece without tokens

SCHEMA = pa.schema(
    {"piece": pa.large_string(), "ids": pa.large_list(pa.int32()), "flags": pa.uint8()}
)


@dataclass(frozen=True)
class PieceIds:
    """The token ids of some pieces.

    ids: int32 (total_tokens,); offsets: int64 (pieces + 1,) into ids;
    flags: uint8 (pieces,), see `special_cases`.
    """

    ids: np.ndarray
    offsets: np.ndarray
    flags: np.ndarray

    def __len__(self) -> int:
        return len(self.flags)


@dataclass(frozen=True)
class CachedPieces:
    """Distinct pieces and their ids, as a bundle ships them."""

    pieces: pa.LargeStringArray
    ids: PieceIds

    def __len__(self) -> int:
        return len(self.pieces)

    def to_table(self) -> pa.Table:
        """Return one row a piece: piece, ids, flags."""
        ids = pa.LargeListArray.from_arrays(self.ids.offsets, self.ids.ids)
        return pa.table([self.pieces, ids, self.ids.flags], schema=SCHEMA)

    def to_parquet(self) -> bytes:
        """Return the table as a Parquet file; small, if the pieces are in alphabetical order."""
        file = io.BytesIO()
        pq.write_table(
            self.to_table(),
            file,
            compression="zstd",
            compression_level=19,
            use_dictionary=["flags"],
            column_encoding={"piece": "DELTA_BYTE_ARRAY"},
        )
        return file.getvalue()

    @classmethod
    def from_table(cls, table: pa.Table) -> "CachedPieces":
        """Return the pieces that `to_table` wrote; raises BundleError for any other table."""
        try:
            columns = table.cast(SCHEMA).combine_chunks().columns
        except (pa.ArrowInvalid, ValueError) as error:
            raise BundleError(f"cached pieces need the columns {SCHEMA.names}") from error
        pieces, lists, flags = (pa.concat_arrays(column.chunks) for column in columns)
        offsets = lists.offsets.to_numpy()
        return cls(pieces, PieceIds(lists.values.to_numpy(), offsets, flags.to_numpy()))


class PieceCache:
    """The token ids and flags of pieces, in rows that are added to; bounded in memory.

    The number of a piece is its row. Pieces are known by their keys (`piece_index`).
    """

    def __init__(self, shipped: CachedPieces | None) -> None:
        room = MAX_PIECES + (len(shipped) if shipped else 0)
        self._index = PieceIndex(room)
        self._ids = GrowingRaggedArray(2 * room)
        self._flags = GrowingArray(np.uint8, room)
        nothing = PieceIds(np.zeros(0, np.int32), np.zeros(2, np.int64), np.zeros(1, np.uint8))
        self.add(np.zeros(1, np.uint64), nothing)
        if shipped:
            self.add(piece_keys(with_spaces(shipped.pieces)), shipped.ids)
        self._kept = len(self._index)
        self._most_pieces = self._kept + MAX_PIECES
        self._most_ids = len(self._ids.array.values) + MAX_IDS

    def reset(self) -> None:
        """Drop all but what the bundle ships, in the same memory."""
        self._index.truncate(self._kept)
        self._ids.truncate(self._kept)
        self._flags.truncate(self._kept)

    @property
    def full(self) -> bool:
        """Whether more was added to what was shipped than the bounds allow."""
        return len(self._index) > self._most_pieces or len(self._ids.array.values) > self._most_ids

    def find(self, keys: np.ndarray) -> np.ndarray:
        """Return the number of each piece, int64 (pieces,); negative for an unknown one."""
        return self._index.find(keys)

    def add(self, keys: np.ndarray, ids: PieceIds) -> np.ndarray:
        """Add unknown pieces; return their numbers."""
        first = len(self._index)
        self._index.add(keys)
        self._ids.extend(RaggedArray(ids.ids, ids.offsets))
        self._flags.extend(ids.flags)
        return np.arange(first, len(self._index))

    def flags(self, numbers: np.ndarray) -> np.ndarray:
        """Return the flags of these pieces: uint8 (numbers,)."""
        return self._flags.values.take(numbers)

    def ids(self, numbers: np.ndarray) -> RaggedArray:
        """Return the ids of these pieces, one after the other."""
        return self._ids.array.select(numbers)
