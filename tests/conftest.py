"""Loaded before any test module: whatever a test imports first, MXNet and GluonCV are prepared."""
import d2lzh_cv  # noqa: F401
