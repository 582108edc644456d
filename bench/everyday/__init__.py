"""Matrices that people come with, beside the tool that they would take."""
