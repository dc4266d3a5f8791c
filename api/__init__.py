"""The HTTP service: thin routes over the library. ``python -m api`` or ``uvicorn api.main:app`` starts it."""
