"""Linear probe: how well a linear classifier reads class labels from codes.

Alain & Bengio, arXiv 1610.01644. The classifier is multinomial logistic regression (scikit-learn), trained on codes of
training images and scored on codes of held-out images.
"""

import warnings

import numpy as np

ITERATIONS = 200  # at most, of L-BFGS: the protocol, converged or not
REGULARISATION = 1.0  # scikit-learn's C, on standardised codes


def linear_probe(codes: np.ndarray, labels: np.ndarray, test_codes: np.ndarray, test_labels: np.ndarray) -> float:
    """Return the accuracy on the test codes, in [0, 1]; NaN if a code is not finite. The result repeats to the bit.

    Args:
        codes: of training images, float [n, d].
        labels: their classes, int [n].
        test_codes: of held-out images, float [m, d].
        test_labels: their classes, int [m].
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    if not (np.isfinite(codes).all() and np.isfinite(test_codes).all()):
        return float("nan")
    if len(np.unique(labels)) == 1:
        return chance(labels, test_labels)
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, max_iter=ITERATIONS))
    with warnings.catch_warnings(), threadpool_limits(1):  # one thread: sums in one order, and no waiting for others
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe.fit(codes.astype(np.float64), labels)
        return float(probe.score(test_codes.astype(np.float64), test_labels))


def chance(labels: np.ndarray, test_labels: np.ndarray) -> float:
    """Return the accuracy without codes: always naming the most frequent class of `labels`."""
    classes, counts = np.unique(labels, return_counts=True)
    return float((test_labels == classes[counts.argmax()]).mean())
