"""How a model is made: its network, what is read of the texts, and how it is trained."""

from dataclasses import dataclass, field

from scorer.network.model import ModelConfig
from scorer.tokens.encoding import Vocabulary
from scorer.tokens.text import TextRules
from scorer.training.fitting import TrainConfig
from scorer.training.pretraining import PretrainConfig


@dataclass(frozen=True)
class Recipe:
    """How to make a model of a corpus."""

    training: TrainConfig
    pretraining: PretrainConfig = field(default_factory=PretrainConfig)
    rules: TextRules = field(default_factory=TextRules)
    vocabulary_size: int = 20_000
    embedding_dim: int = 128
    hidden_dim: int = 256
    cell: str = "lstm"
    pooling: str = "concat"
    dropout: float = 0.5

    def model_config(self, vocabulary: Vocabulary, classes: int) -> ModelConfig:
        """Return the network's configuration for a vocabulary and a number of classes."""
        return ModelConfig(
            len(vocabulary),
            classes,
            self.embedding_dim,
            self.hidden_dim,
            self.cell,
            self.pooling,
            self.dropout,
        )
