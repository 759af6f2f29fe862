"""What a specification says of networks and priors is what is built."""

import pytest
import torch
from specimens import make_spec

from bench.experiment.settings import Network
from bench.experiment.specification import DatasetIdentity
from bench.training.build import build

SMALL = {"name": "small", "width": 4, "latent_dim": 5}


@pytest.mark.parametrize(
    ("prior", "equal", "numbers"), [("sphere", False, 5), ("sphere", True, 6), ("normal", True, 5)]
)
def test_a_sphere_of_as_many_dimensions_has_one_number_more(prior, equal, numbers):
    method = build(make_spec(method="mmd", prior=prior, network=Network(**SMALL, equal_dimensions=equal)))
    codes = method.encode(torch.zeros(3, 1, 8, 8))
    assert codes.shape == (3, numbers)
    assert method.decode(codes).shape == (3, 1, 8, 8)


@pytest.mark.parametrize("scaled", [True, False])
def test_codes_on_the_sphere_enter_the_decoder_with_unit_variance_unless_that_is_switched_off(scaled):
    method = build(make_spec(method="mmd", prior="sphere", network=Network(**SMALL, scaled_codes=scaled)))
    z = method.prior.sample(4000)
    received = []
    method.decoder.register_forward_pre_hook(lambda _, inputs: received.append(inputs[0]))
    method.decode(z)
    assert received[0].square().mean().item() == pytest.approx(1.0 if scaled else 0.2, rel=1e-5)
    torch.testing.assert_close(received[0], z * (5**0.5 if scaled else 1.0))


def test_a_weight_is_in_units_of_the_data_set_and_a_queue_has_at_most_a_key_an_image():
    dataset = DatasetIdentity(name="digits", fingerprint="f" * 64, weight_unit=18.7, train_images=1000)
    changes = {"dataset": dataset, "hyperparameters": {"weight": 0.5, "queue_size": 4096}}
    spec = make_spec(method="moco", prior="sphere").model_copy(update=changes)
    method = build(spec)
    assert method.weight == pytest.approx(0.5 * 18.7)
    assert len(method.queue) == 1000
    early = build(spec.model_copy(update={"dataset": dataset.model_copy(update={"train_images": None})}))
    assert len(early.queue) == 4096
