import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clvlib import dataset, language
from clvlib.run import commands, doctor, runner, usage

ROWS = "Client;Jour;Montant\nA;13/02/2025;12,50\nB;05/03/2025;8,00\nA;01/04/2025;3,10\n"
FLAGS = ["--customer-id", "Client", "--date", "Jour", "--amount", "Montant", "--decimal", ","]


@pytest.fixture
def clv(monkeypatch, capsys, tmp_path):
    """Run the command in a folder of its own: `clv("check", "x.csv")` → exit code, what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONSAFEPATH", "")
    on_interrupt = signal.getsignal(signal.SIGINT)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["clv", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            commands.main()
        signal.signal(signal.SIGINT, on_interrupt)
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err + printed.out
        return ended.value.code, printed.out + printed.err

    yield run
    language.speak(language.ENGLISH)


def test_check_of_a_file_with_flags_says_that_it_is_ready(clv, tmp_path):
    (tmp_path / "orders.csv").write_text(ROWS)
    code, text = clv("check", "orders.csv", *FLAGS)
    assert code == 0
    assert "day first, as 1 of its values proves" in text
    assert "Ready for `clv run`" in text


def test_score_writes_every_customer_and_says_what_the_scores_rest_on(clv, tmp_path, cdnow_sample):
    sold = cdnow_sample.transactions.to_pandas().assign(customer_id=lambda t: "=" + t["customer_id"])
    few = sold[sold["customer_id"] < "=0300"]
    few.to_csv("orders.csv", index=False)
    (tmp_path / "orders.toml").write_text('currency = "USD"\npseudonyms = false\n[transactions]\npath = "orders.csv"\n')
    code, text = clv("score", "orders.toml")
    assert code == 0
    customers = few["customer_id"].nunique()
    folder = tmp_path / f"runs/orders/{few['date'].max():%Y-%m-%d}"
    found = pd.read_parquet(folder / "scores.parquet")
    sheet = pd.read_csv(folder / "scores.csv", index_col="customer_id")
    assert f"{len(found):,} customers scored" in text
    assert f"fitted on all {len(found):,} customers" in text
    assert f"CLV of all: {found['clv'].sum():,.0f} USD" in text
    assert customers - 5 < len(found) <= customers
    assert list(sheet.index) == [f"'{customer}" for customer in sorted(found.index)]
    assert (sheet["consent"] == "no").all()
    assert clv("forget", "=0007", "orders.toml")[0] == 0
    assert "=0007" in found.index
    assert "=0007" not in pd.read_parquet(folder / "scores.parquet").index


def test_customers_have_pseudonyms_and_what_is_written_is_its_owners_alone(clv, tmp_path):
    (tmp_path / "orders.csv").write_text("customer_id,date,amount\nann@example.com,2025-01-03,5\nbo,2025-01-04,7\n")
    code, text = clv("check", "orders.csv")
    assert code == 0
    assert "ann@example.com" not in text
    assert "2 customers are named by pseudonyms" in text
    clv("init", "orders.csv")
    assert stat.S_IMODE((tmp_path / "orders.toml").stat().st_mode) == 0o600


def test_check_shows_nobody_though_every_id_and_every_example_would(clv, tmp_path):
    people = "".join(f"jo{i}@example.com,+33 6 39 98 1{i:03},1 Rue X\n" for i in range(30))
    (tmp_path / "people.csv").write_text("customer_id,phone,street\n" + people + "jo1@example.com,,\n")
    rows = "".join(f"jo{i}@example.com,2025-01-{i % 28 + 1:02},{i}\n" for i in range(30))
    (tmp_path / "orders.csv").write_text("customer_id,date,amount\n" + rows + "JO3@example.com,2025-02-01,1e4\n")
    (tmp_path / "shop.toml").write_text('[transactions]\npath = "orders.csv"\n[customers]\npath = "people.csv"\n')
    code, text = clv("check", "shop.toml")
    assert code == 0
    assert "a further row of a customer" in text
    assert "example.com" not in text.lower()
    assert "39 98" not in text


def test_forget_is_a_command_that_says_what_it_did(clv, tmp_path):
    (tmp_path / "orders.csv").write_text("customer_id,date,amount\nann@example.com,2025-01-03,5\nbo,2025-01-04,7\n")
    (tmp_path / "shop.toml").write_text('[transactions]\npath = "orders.csv"\n')
    code, text = clv("forget", "ann@example.com", "shop.toml")
    assert code == 0
    assert "1 row(s) of transactions, 5.00" in text
    assert stat.S_IMODE((tmp_path / "shop.forgotten").stat().st_mode) == 0o600
    code, text = clv("check", "shop.toml")
    assert "1 of the 1 people on shop.forgotten are in the files, with 1 row(s) and 5.00 of amounts" in text
    assert clv("forget", "zoe@example.com", "shop.toml")[0] == 2


def test_check_prints_every_problem_and_ends_with_code_1(clv, tmp_path):
    (tmp_path / "orders.csv").write_text("customer_id,date,amount\na,soon,1\nb,2025-01-03,five\n")
    code, text = clv("check", "orders.csv")
    assert code == 1
    assert "date can't be read (for instance soon)" in text
    assert "amount can't be read (for instance five)" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "gone.csv"], "There is no file 'gone.csv'"),
        (["check", "gone"], "There is no dataset 'gone'"),
        (["check", "cdnow", "--as-of", "10/11/1997"], "not a date of the form year-month-day"),
        (["check", "cdnow", "--as-of", "2999-01-01"], "in the future"),
        (["check", "gone.csv", "--decimal", ","], "There is no file 'gone.csv'"),
        (["check", "cdnow", "--as-of", "1990-01-01"], "before the first transaction"),
        (["check", "cdnow", "--as-of", "someday"], "not a date"),
        (["run", "cdnow", "--set", "horizon"], "name=value"),
        (["check"], "Missing argument"),
    ],
)
def test_wrong_usage_gets_one_message_and_code_2(clv, arguments, message):
    code, text = clv(*arguments)
    assert code == 2
    assert message in text


def test_backtest_says_what_forecasts_made_on_days_of_the_past_can_be_trusted_for(clv, tmp_path):
    random = np.random.default_rng(0)
    days = [np.cumsum(random.gamma(1, 50, 12)).round() for _ in range(60)]
    rows = pd.DataFrame({"Client": range(60), "Jour": days}).explode("Jour")
    rows["Jour"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rows["Jour"].astype(int), unit="D")
    rows[rows["Jour"] < "2024-11-30"].assign(Montant="12,50").to_csv("orders.csv", index=False, sep=";")
    code, text = clv("backtest", "orders.csv", *FLAGS)
    assert code == 0
    assert "The total: spend came out" in text
    assert "The order: " in text
    assert list(tmp_path.glob("runs/backtests/*/*/report.html"))


def test_flags_beside_a_card_are_refused(clv, tmp_path):
    (tmp_path / "c.toml").write_text('[transactions]\npath = "orders.csv"\n')
    code, text = clv("check", "c.toml", "--decimal", ",")
    assert code == 2
    assert "go with a data file" in text


def test_init_writes_a_card_once(clv, tmp_path):
    (tmp_path / "orders.csv").write_text(ROWS)
    code, text = clv("init", "orders.csv")
    assert code == 0
    assert "to be confirmed" in text
    assert clv("check", "orders.toml")[0] == 0
    code, text = clv("init", "orders.csv")
    assert code == 2
    assert "exists already" in text


def test_init_of_several_files_shows_rows_without_anybody_and_lists_what_to_confirm(clv, tmp_path):
    (tmp_path / "in").mkdir()
    orders = (
        "email,date,total\nann@example.com,2025-01-03,5\nbo@example.com,2025-01-04,7\nann@example.com,2025-02-01,9\n"
    )
    people = (
        "email,signup_date,newsletter,city\nann@example.com,2024-12-01,yes,Rome\nbo@example.com,2024-12-02,no,Lyon\n"
    )
    (tmp_path / "in/orders.csv").write_text(orders)
    (tmp_path / "in/people.csv").write_text(people)
    (tmp_path / "in/readme.txt").write_text("Ask eve@example.com.\nBye\n")
    code, text = clv("init", "in/people.csv", "in/orders.csv", "in/readme.txt", "--out", "acme.toml")
    assert code == 0
    assert "@example.com" not in text
    assert "transactions: 3 rows; the first, as they would be read:" in text
    assert "and as attributes: city" in text
    listed = text[text.index("To be confirmed:") :].splitlines()
    assert '  name = "orders": what reports call it' in listed
    assert '  [transactions] amount = "total"' in listed
    assert listed[-1] == "Written to acme.toml. Confirm or correct these lines, then: clv check acme.toml"
    card = (tmp_path / "acme.toml").read_text()
    assert 'path = "in/people.csv"' in card
    assert "@example.com" not in card
    assert clv("check", "acme.toml")[0] == 0


def test_in_french_init_and_check_write_decimals_signs_and_their_own_words_as_french_does(clv, monkeypatch, tmp_path):
    monkeypatch.setenv(language.ASKED, "fr")
    (tmp_path / "orders.csv").write_text("customer_id,date,amount\nann,2025-01-03,5.25\n,2025-01-04,7\n")
    code, text = clv("init", "orders.csv")
    assert code == 0
    assert "5,25" in text
    assert " :" not in (tmp_path / "orders.toml").read_text("utf-8").splitlines()[0]
    code, text = clv("check", "orders.toml")
    assert code == 0
    assert "avertissement transactions" in text
    assert "fiche\N{NO-BREAK SPACE}: " in text


def test_init_says_what_keeps_a_table_from_being_read_yet(clv, tmp_path):
    (tmp_path / "orders.csv").write_text("customer,date,total\nann@example.com,03/04/2025,5\nbo,05/06/2025,7\n")
    code, text = clv("init", "orders.csv")
    assert code == 0
    assert "not yet transactions: date: nothing proves whether the day or the month comes first" in text
    assert '  [transactions] # date_format = "%d/%m/%Y": nothing proves' in text
    assert clv("init", "ordrs.csv", "orders.csv")[0] == 1


def test_a_full_disk_is_one_message(clv, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dataset, "build", full)
    code, text = clv("check", "cdnow")
    assert code == 1
    assert "No space left on device" in text


def test_a_fault_of_the_program_is_one_message_and_its_details_are_kept(clv, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("by design")

    monkeypatch.setattr(dataset, "build", broken)
    code, text = clv("check", "cdnow")
    assert code == 4
    assert "ZeroDivisionError: by design" in text


def test_the_error_log_is_private_and_follows_no_link(clv, monkeypatch, tmp_path):
    monkeypatch.setattr(dataset, "build", lambda *_: 1 / 0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "victim").write_text("untouched")
    (tmp_path / "clv-error.log").symlink_to(tmp_path / "victim")
    assert clv("check", "cdnow")[0] == 4
    (log,) = tmp_path.glob("clv-error-*.log")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert "ZeroDivisionError" in log.read_text()
    assert (tmp_path / "victim").read_text() == "untouched"
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    code, text = clv("check", "cdnow")
    assert code == 4
    assert "could not be written to a file" in text


def test_what_steers_a_terminal_never_reaches_it(clv, tmp_path):
    (tmp_path / "orders.csv").write_text("customer_id,date,amount\na,so\x1b[2Jon\x07,1\nb,\x9b31m,2\n")
    code, text = clv("check", "orders.csv")
    assert code == 1
    assert not set(text) & set("\x1b\x07\x9b")
    (tmp_path / "c.toml").write_text('name = "a\\u001b[2J"\n[transactions]\npath = "good.csv"\n')
    (tmp_path / "good.csv").write_text("customer_id,date,amount\na,2025-01-01,1\nb,2025-01-02,2\n")
    code, text = clv("check", "c.toml")
    assert code == 0
    assert "\x1b" not in text


@pytest.mark.parametrize("module", ["clvlib.run.commands", "typer", "pandas", "duckdb", "clvlib.readiness"])
def test_an_interruption_while_the_program_is_loaded_is_one_line(tmp_path, module):
    program = "import os, signal, sys; from clvlib.run import cli; sys.argv = ['clv', 'check', 'cdnow']\n"
    program += "def hook(event, of):\n"
    program += f"    if event == 'import' and of[0] == {module!r}: os.kill(os.getpid(), signal.SIGINT)\n"
    program += "sys.addaudithook(hook); cli.main()"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 130, done.stderr
    assert done.stderr.startswith("Stopped.")
    assert done.stderr.count("\n") == 1


@pytest.fixture
def ended_by(monkeypatch, capsys):
    """What the command's code and message are when an error comes out of it."""

    def run(error):
        def raises(*_):
            raise error

        monkeypatch.setattr(usage, "call", raises)
        monkeypatch.setattr(commands.signal, "signal", lambda *_: None)
        with pytest.raises(SystemExit) as ended:
            commands.main()
        return ended.value.code, capsys.readouterr().err

    return run


def test_an_interruption_that_the_database_notices_first_is_one_too(ended_by):
    assert ended_by(RuntimeError("Query interrupted")) == (130, "Stopped.\n")


def test_an_engine_that_gives_up_in_the_middle_is_no_fault_of_the_program(ended_by):
    class Shutdown(Exception):
        __module__ = "psycopg.errors"

    said = "The engine refused: terminating connection due to administrator command. Mend it there, then run again.\n"
    error = Shutdown("terminating connection due to administrator command\nSSL connection closed")
    assert ended_by(error) == (1, said)


def test_where_no_browser_is_opened_the_address_is_told_with_its_token(clv, monkeypatch):
    asked = []

    def opened(command, **_):
        asked.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(commands.subprocess, "run", opened)
    code, text = clv("lab", "cdnow_sample", "--no-browser", "--port", "8901")
    token = next(word for word in asked[0] if "token=" in word).partition("=")[2]
    assert (code, len(token)) == (0, 48)
    assert f"http://localhost:8901/lab?token={token}" in text.replace("\n", "")
    assert "token=" not in clv("lab", "cdnow_sample")[1]


def test_the_package_alone_loads_nothing_heavy():
    program = "import sys, clvlib, clvlib.run.cli; print([m for m in ('pandas', 'ibis', 'typer') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("times", [3, *(pytest.param(n, marks=pytest.mark.proof) for n in (1, 2))])
def test_an_interruption_ends_with_130_however_often_it_comes(tmp_path, times):
    sleeps = "import nbformat; from pathlib import Path; from clvlib.run import commands, runner; import sys\n"
    sleeps += "book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell('import time; time.sleep(600)')])\n"
    sleeps += "nbformat.write(book, '00_sleeps.ipynb'); whole = runner.run\n"
    sleeps += "runner.run = lambda *a, **k: whole(*a, notebooks=Path('.'), **k)\n"
    sleeps += "sys.argv = ['clv', 'run', 'cdnow_sample']; commands.main()"
    command = [sys.executable, "-c", sleeps]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    while not list(tmp_path.rglob("job.json")) and process.poll() is None:
        time.sleep(0.1)
    for _ in range(times):
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert b"Traceback" not in said
    assert said.count(b"Stopped.") <= 1


def test_another_file_of_the_same_name_never_touches_the_card_of_a_run(clv, monkeypatch, tmp_path):
    monkeypatch.setattr(runner, "run", lambda *_, **__: 0)
    (tmp_path / "orders.csv").write_text(ROWS)
    assert clv("run", "orders.csv", *FLAGS)[0] == 0
    assert clv("run", "orders.csv", *FLAGS[:4], "--amount", "Jour")[0] == 0
    assert len(list((tmp_path / "runs/cards").glob("orders-*.toml"))) == 2


def test_an_interruption_is_one_message(clv, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run", stop)
    code, text = clv("run", "cdnow")
    assert code == 130
    assert "goes on from here" in text


def test_the_doctor_finds_this_installation_sound(clv):
    code, text = clv("doctor")
    assert code == 0, text
    assert "counted 2,349 customers" in text


def test_the_doctor_names_a_package_of_another_version(tmp_path):
    (tmp_path / "requirements.lock").write_text("pandas==0.1 \\\n    --hash=sha256:0\n")
    result = doctor._packages(tmp_path)
    assert not result.good
    assert "pandas" in result.what


def test_the_command_is_installed():
    command = Path(sys.executable).with_name("clv")
    english = os.environ | {"LC_ALL": "C.UTF-8"}
    done = subprocess.run([command, "--help"], capture_output=True, text=True, check=False, env=english)
    assert done.returncode == 0
    assert "Exit codes: 0 done" in done.stdout


@pytest.fixture
def in_the_words_of_typer(monkeypatch):
    for name in usage._OF_TYPER:
        monkeypatch.setattr(usage.rich_utils, name, getattr(usage.rich_utils, name))
    monkeypatch.setenv("TERMINAL_WIDTH", "200")
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")


@pytest.mark.usefixtures("in_the_words_of_typer")
@pytest.mark.parametrize(
    ("locale", "asked", "said"),
    [
        ("fr_FR.UTF-8", ["--help"], "Exécuter les notebooks sur un jeu de données"),
        ("fr_CA", ["check", "--help"], "[défaut\N{NO-BREAK SPACE}: runs/checks]"),
        ("C.UTF-8", ["lab", "--language", "fr", "--help"], "ouvrir le navigateur"),
        ("fr_FR.UTF-8", ["lab", "--language=en", "--help"], "open the browser"),
        ("de_DE.UTF-8", ["run", "--help"], "Show this message and exit."),
    ],
)
def test_help_is_in_the_language_asked_for_or_that_of_the_environment(clv, monkeypatch, locale, asked, said):
    monkeypatch.setenv("LC_ALL", locale)
    code, text = clv(*asked)
    assert code == 0
    assert said in text


@pytest.mark.usefixtures("in_the_words_of_typer")
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["check"], "Il manque l'argument 'source'."),
        (["check", "cdnow", "--langage", "de"], "Il n'y a pas d'option --langage. Vouliez-vous dire --language"),
        (["check", "cdnow", "--zz"], "Il n'y a pas d'option --zz."),
        (["chek"], "Il n'y a pas de commande 'chek'. Vouliez-vous dire 'check'"),
        (["zzz"], "Il n'y a pas de commande 'zzz'."),
        (["check", "a", "b"], "Arguments en trop\N{NO-BREAK SPACE}: b."),
        (["lab", "--port"], "Il manque la valeur de l'option '--port'."),
        (["lab", "--browser=yes"], "L'option '--browser' ne prend pas de valeur."),
        (["lab", "--port", "x"], "La valeur de '--port' n'est pas un nombre entier."),
    ],
)
def test_what_is_wrong_with_arguments_is_said_in_french_as_help_is(clv, monkeypatch, asked, said):
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    code, text = clv(*asked)
    assert code == 2
    assert said in text
    assert {"Error", "Usage:", "Try", "COMMAND"} & set(text.split()) == set()


@pytest.mark.usefixtures("in_the_words_of_typer")
def test_no_help_of_ours_stays_english_in_french(clv, monkeypatch):
    def helps(command):
        yield from [command.help, command.epilog, *(each.help for each in command.params)]
        for below in getattr(command, "commands", {}).values():
            yield from helps(below)

    english = set(helps(usage.command_of(commands.app, ["--help"])))
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    assert english & set(helps(usage.command_of(commands.app, ["--help"]))) <= {None, ""}
