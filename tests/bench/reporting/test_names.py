"""Short names for long labels: unique, in every text, with the whole label in the table of names and in data."""

import csv
import io

from bench.reporting.names import LONGEST, shortened
from bench.reporting.page_content import _csv
from bench.reporting.table import Table, number, prose, word

MOCO = "moco[learning_rate=0.006089,weight=0.1775,temperature=0.1207,queue_size=767,momentum=0.9]"
GAN = "gan[prior=sphere,learning_rate=0.01875,weight=0.0164,critic_lr_scale=0.7778]"


def test_long_labels_keep_method_and_prior():
    assert shortened([MOCO, GAN, "mmd", "vae[beta=0.6692]"]).short == {MOCO: "moco[...]", GAN: "gan[prior=sphere,...]"}


def test_variants_of_one_method_keep_the_settings_that_differ():
    other = MOCO.replace("weight=0.1775", "weight=20")
    short = shortened([MOCO, other, f"{other} †"]).short
    assert short == {MOCO: "moco[weight=0.1775,...]", other: "moco[weight=20,...]"}


def test_no_two_variants_have_one_name():
    rates = [f"learning_rate=0.00{i}" for i in range(10, 13)]
    labels = [f"m[{rate},weight={i}.123456,temperature={i}.1234,queue_size={i}77]" for i, rate in enumerate(rates)]
    short = shortened(labels).short
    assert list(short.values()) == ["m[...1]", "m[...2]", "m[...3]"]
    clash = shortened([MOCO, "moco[...]"]).short
    assert len({*clash.values(), "moco[...]"}) == 2
    assert all(len(name) <= LONGEST for name in short.values())


def test_tables_have_short_names_and_their_data_whole_ones():
    names = shortened([MOCO, "mmd"])
    rows = [[word(f"{MOCO} †"), prose(f"`{MOCO}` is better than `mmd`"), number(1.0)]]
    (table,) = names.tables([Table("t", f"On {MOCO}", ["variant", MOCO, "n"], rows, f"About `{MOCO}`.")])
    assert (table.title, table.headings[1], table.about) == ("On moco[...]", "moco[...]", "About `moco[...]`.")
    assert [cell.text for cell in table.rows[0]] == ["moco[...] †", "`moco[...]` is better than `mmd`", "1"]
    assert next(csv.DictReader(io.StringIO(_csv(table))))["variant"] == f"{MOCO} †"
    (key,) = names.key()
    assert [cell.text for cell in key.rows[0]] == ["moco[...]", f"`{MOCO}`"]


def test_without_long_labels_nothing_changes():
    names = shortened(["mmd", "moco"])
    table = Table("t", "T", ["variant"], [[word("mmd")]])
    assert (names.tables([table]), names.key(), names.text("moco")) == ([table], [], "moco")
