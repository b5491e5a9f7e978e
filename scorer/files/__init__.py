"""Bytes on disk: streams in and out, fingerprints, publishing whole files. Knows no table."""
