import torch

from scorer.training.gradients import _adversarial_noise


def test_noise_is_a_share_of_the_text_alone():
    torch.manual_seed(0)
    text, gradient = torch.randn(1, 3, 8), torch.randn(1, 3, 8)
    padded = torch.cat([text, torch.randn(1, 9, 8)], 1)
    gradients = torch.cat([gradient, torch.zeros(1, 9, 8)], 1)
    alone = _adversarial_noise(text, gradient, 0.02)
    torch.testing.assert_close(_adversarial_noise(padded, gradients, 0.02)[:, :3], alone)
    torch.testing.assert_close(alone.norm(), 0.02 * text.norm())
