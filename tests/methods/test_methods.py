"""What each method computes; the contract that all of them keep is in test_contract.py."""

import math
from collections import deque

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from methods import METHODS
from methods.functional import MMD_SCALES, info_nce_floor, mmd, squared_error
from methods.gan import GAN
from methods.mmd import MMD
from methods.moco import MoCo
from methods.networks import Networks
from methods.priors import PRIORS, Sphere
from methods.priors import Normal as NormalPrior
from methods.vae import VAE

SHAPE = (1, 8, 8)


def make(name: str, prior: str | None = None, dim: int = 4, precision: str = "fp32", **hyperparameters):
    torch.manual_seed(0)
    method = METHODS[name]
    chosen = PRIORS[prior or method.priors[0]](dim)
    return method(Networks("small", SHAPE, dim, 4, precision), chosen, **hyperparameters)


def images(n: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def step(method, x, lr=0.1):
    optimizer = torch.optim.SGD(method.param_groups() if lr is None else method.parameters(), lr=lr)
    losses = method.losses(x)
    losses["loss"].backward()
    optimizer.step()
    method.after_step()
    return losses


@pytest.mark.parametrize(("queue_size", "batches"), [(10, [4, 4, 4, 3]), (5, [4, 4, 7]), (6, [6, 2]), (3, [8])])
def test_moco_queue_is_first_in_first_out_also_when_batches_do_not_divide_it(queue_size, batches):
    method = make("moco", queue_size=queue_size, momentum=0.5)
    reference = deque(method.queue.clone(), maxlen=queue_size)
    for seed, n in enumerate(batches):
        x = images(n, seed)
        reference.extend(method.encode_keys(x))  # keys of the momentum encoder before the step
        step(method, x)
        held = sorted(map(tuple, method.queue.tolist()))
        assert held == sorted(tuple(key.tolist()) for key in reference)
    # The slot at the cursor is the oldest: the next key to be replaced.
    torch.testing.assert_close(method.queue[method.cursor], reference[0])


def test_moco_starts_with_unit_vectors_and_equal_encoders():
    method = make("moco", queue_size=50)
    torch.testing.assert_close(method.queue.norm(dim=1), torch.ones(50))
    torch.testing.assert_close(method.encode_keys(images(4)), method.encode(images(4)))


def test_moco_negatives_are_past_keys_only_and_keys_carry_no_gradient():
    method, x = make("moco", queue_size=8, weight=1.0, temperature=0.5), images(4)
    z, keys, queue = method.encode(x), method.encode_keys(x), method.queue.clone()
    losses = step(method, x)
    logits = torch.cat([(z * keys).sum(1, keepdim=True), z @ queue.T], 1) / 0.5
    torch.testing.assert_close(losses["penalty"], -logits.log_softmax(1)[:, 0].mean())
    assert all(p.grad is None and not p.requires_grad for p in method.key_encoder.parameters())


def test_moco_key_encoder_is_the_moving_average_of_the_encoder_after_the_step():
    method = make("moco", momentum=0.75)
    old = [p.clone() for p in method.key_encoder.parameters()]
    step(method, images(8))
    for before, query, key in zip(old, method.encoder.parameters(), method.key_encoder.parameters(), strict=True):
        torch.testing.assert_close(key, 0.75 * before + 0.25 * query)


def test_moco_diagnostics_are_zero_excess_on_perfectly_uniform_codes():
    class PassThrough(nn.Module):
        def forward(self, x):
            return x.flatten(1)

    method = make("moco", dim=64, queue_size=20000, temperature=0.3)
    method.encoder, method.key_encoder = PassThrough(), PassThrough()
    torch.manual_seed(0)
    diagnostics = method.diagnostics(Sphere(64).sample(1500).view(-1, *SHAPE))
    assert diagnostics["alignment"] == 0
    assert abs(diagnostics["contrastive_excess"]) < 5e-3
    assert diagnostics["contrastive"] == pytest.approx(info_nce_floor(64, 20000, 0.3), abs=5e-3)
    method.queue = Sphere(64).sample(1).repeat(20000, 1)
    collapsed = method.diagnostics(method.queue[:100].view(-1, *SHAPE))
    assert collapsed["contrastive"] == pytest.approx(math.log(20001), rel=1e-4)  # all keys are equal


@pytest.mark.parametrize("kernels", [1, 7])
@pytest.mark.parametrize("scale", [1.0, 4.0])
@pytest.mark.parametrize("prior", [NormalPrior, Sphere])
def test_mmd_penalises_with_the_kernels_and_the_scale_of_its_prior(prior, scale, kernels):
    torch.manual_seed(0)
    method, x = MMD(Networks("small", SHAPE, 4, 4), prior(4), weight=3.0, scale=scale, kernels=kernels), images(16)
    torch.manual_seed(1)
    losses = method.losses(x)
    torch.manual_seed(1)
    samples = method.prior.sample(16)
    scales = (1.0,) if kernels == 1 else MMD_SCALES
    expected = mmd(method.encode(x), samples, scale * (2.0 if prior is Sphere else 8.0), scales)
    torch.testing.assert_close(losses["penalty"], expected)
    torch.testing.assert_close(losses["loss"], losses["reconstruction"] + 3.0 * expected)


@pytest.mark.parametrize("prior", ["normal", "sphere"])
def test_gan_one_backward_equals_two_players_with_an_optimiser_each(prior):
    one, two = make("gan", prior, weight=5.0, critic_lr_scale=0.3), make("gan", prior, weight=5.0, critic_lr_scale=0.3)
    assert isinstance(one, GAN)
    assert isinstance(two, GAN)
    groups = one.param_groups()
    for group, scale in zip(groups, [1.0, 0.3], strict=True):
        group.pop("lr_scale", None)
        group["lr"] = 1e-2 * scale
    optimizer = torch.optim.Adam(groups)
    players = [*two.encoder.parameters(), *two.decoder.parameters()]
    autoencoder = torch.optim.Adam(players, lr=1e-2)
    critic = torch.optim.Adam(two.critic.parameters(), lr=3e-3, betas=(0.5, 0.999))
    for seed in range(5):
        x = images(16, seed)
        torch.manual_seed(seed)
        optimizer.zero_grad()
        one.losses(x)["loss"].backward()
        optimizer.step()

        torch.manual_seed(seed)
        unit = two.prior.variance**-0.5
        samples = two.prior.sample(16) * unit
        z = two.encode(x)
        fooling = bce(two.critic(z * unit), torch.ones(16, 1))
        own = torch.autograd.grad(squared_error(two.decode(z), x) + 5.0 * fooling, players)
        judged = bce(two.critic(samples), torch.ones(16, 1)) + bce(two.critic(z.detach() * unit), torch.zeros(16, 1))
        critic.zero_grad()
        judged.backward()
        for parameter, gradient in zip(players, own, strict=True):
            parameter.grad = gradient
        autoencoder.step()
        critic.step()
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_vae_kl_is_that_of_torch_distributions_and_codes_are_draws():
    method, x = make("vae", beta=2.0), images(8)
    assert isinstance(method, VAE)
    mean, log_variance = method.posterior(x)
    posterior = Independent(Normal(mean, (0.5 * log_variance).exp()), 1)
    prior = Independent(Normal(torch.zeros(4), torch.ones(4)), 1)
    losses = method.losses(x)
    torch.testing.assert_close(losses["penalty"], kl_divergence(posterior, prior).mean())
    torch.testing.assert_close(losses["loss"], losses["reconstruction"] + 2.0 * losses["penalty"])
    draws = torch.stack([method.sample_codes(x) for _ in range(2000)])
    torch.testing.assert_close(draws.mean(0), method.encode(x), atol=0.15, rtol=0)
    torch.testing.assert_close(draws.std(0), (0.5 * log_variance).exp(), atol=0.1, rtol=0)


def test_moco_supports_the_sphere_only():
    assert MoCo.priors == ("sphere",)
