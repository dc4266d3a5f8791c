"""Scripts that make the models: pre-train, fine-tune, evaluate. Run them as ``python -m training.NAME``."""
