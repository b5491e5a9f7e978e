"""What a training leaves behind, on disk: bundles, stores of them, pretrained encoders."""
