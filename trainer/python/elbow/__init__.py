"""Variational autoencoders that run, sample and score themselves on microcontrollers.

`Detector` is an estimator of scikit-learn's kind: what it fits is the detector that a chip runs, and what it scores are the
chip's own integers. `Model` is an image as a device has it.
"""

from ._native import DivergedError, __version__
from ._warnings import ElbowWarning
from .detector import Detector
from .model import Model, Scores

__all__ = ["Detector", "DivergedError", "ElbowWarning", "Model", "Scores", "__version__"]
