# SPDX-License-Identifier: Apache-2.0
"""Answers of raters as votes.jsonl and sessions.jsonl."""
