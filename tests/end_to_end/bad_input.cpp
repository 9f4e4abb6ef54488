// Whatever a user gets wrong: one sentence with the place, what was found, what is allowed and the nearest name; the
// exit code of the architecture; nothing run, nothing created.

#include "../support/catch.hpp"
#include "process.hpp"

namespace kvfrontier::end_to_end::bad_input {
namespace {

const char* const sound_config = R"({"experiment": "index_frontier", "seed": 3,
  "grid": {"n": 8, "d": 16, "rate": [0.5, 1], "scheme": ["bitpack", {"name": "uniform", "keys": "public"}]},
  "queries": 16, "stop": {"max_trials": 2}})";

struct Mistake {
  std::string config;
  std::vector<std::string> says;
};

std::string config_with(const std::string& grid, const std::string& rest = "") {
  return R"({"experiment": "index_frontier", "grid": )" + grid + rest + "}";
}

// One line on stderr that starts with the program's name, exit code `code`.
void require_sentence(const Finished& finished, int code, const std::vector<std::string>& says) {
  INFO("stderr: " << finished.err);
  CHECK(finished.code == code);
  CHECK(finished.out.empty());
  REQUIRE(lines_of(finished.err).size() == 1);
  CHECK(finished.err.rfind("kvfrontier: ", 0) == 0);
  CHECK(finished.err.find("json.exception") == std::string::npos);
  for (const auto& part : says) CHECK_THAT(finished.err, Contains(part));
}

}  // namespace

TEST_CASE("a wrong config is one sentence with its path, exit 2", "[end_to_end]") {
  const std::vector<Mistake> mistakes{
      // Unknown keys, at every level, with the nearest name.
      {R"({"experiment": "index_frontier", "sed": 3, "grid": {"n": 8, "d": 16, "scheme": "exact"}})",
       {"sed: found an unknown key", "allowed: experiment, seed", "did you mean \"seed\"?"}},
      {config_with(R"({"n": 8, "dd": 16, "scheme": "exact"})"),
       {"grid.dd: found an unknown key", "did you mean \"d\"?"}},
      {config_with(R"({"n": 8, "d": 16, "scheme": [{"name": "exact", "formt": "fp16"}]})"),
       {"grid.scheme[0].formt: found an unknown key", "allowed: format, keys, name", "did you mean \"format\"?"}},
      {config_with(R"({"n": 8, "d": 16, "scheme": "exact"})", R"(, "stop": {"min_trial": 3})"),
       {"stop.min_trial: found an unknown key; allowed: min_trials, max_trials, half_width;",
        "did you mean \"min_trials\"?"}},
      {config_with(R"({"n": 8, "d": 16, "scheme": "exact"})", R"(, "stop": {"name": "x"})"),
       {"stop.name: found an unknown key"}},
      {config_with(R"([{"n": 8, "d": 16, "scheme": "exact"}, {"m": 8}])"), {"grid[1].m: found an unknown key"}},
      // Names.
      {config_with(R"({"n": 8, "d": 16, "scheme": ["exact", "bitpac"]})"),
       {"grid.scheme[1]: found \"bitpac\"", "did you mean \"bitpack\"?"}},
      {config_with(R"({"n": 8, "d": 16, "scheme": {"name": "unifrom", "keys": "public"}})"),
       {"grid.scheme.name: found \"unifrom\"", "did you mean \"uniform\"?"}},
      {config_with(R"({"n": 8, "d": 16, "embedding": "spere", "scheme": "exact"})"),
       {"grid.embedding: found \"spere\"", "did you mean \"sphere\"?"}},
      {config_with(R"({"n": 8, "d": 16, "instance": "indx", "scheme": "exact"})"),
       {"grid.instance", "found \"indx\"", "did you mean \"index\"?"}},
      {config_with(R"({"n": [16, 32], "d": 16, "schedule": "var25", "scheme": "exact"})"),
       {"grid.schedule: found \"var25\"", "did you mean \"var256\"?"}},
      {R"({"experiment": "index_fronter"})",
       {"experiment: found \"index_fronter\"", "did you mean \"index_frontier\"?"}},
      {R"({"grid": {}})", {"experiment: found nothing"}},
      {config_with(R"({"n": 8, "d": 16, "tau": "certifed", "scheme": "exact"})"),
       {"grid.tau: found \"certifed\"", "did you mean \"certified\"?"}},
      {config_with(R"({"n": 8, "d": 16, "scheme": {"name": "exact", "format": "fp8"}})"),
       {"grid.scheme.format: found \"fp8\"", "allowed: fp32, fp16, bf16"}},
      // Types and ranges.
      {config_with(R"({"n": "8", "d": 16, "scheme": "exact"})"),
       {"grid.n: found \"8\"; allowed: an integer from 1 to 16384"}},
      {config_with(R"({"n": [8, 8.5], "d": 16, "scheme": "exact"})"), {"grid.n[1]: found 8.5"}},
      {config_with(R"({"n": 8, "d": [16, 0], "scheme": "exact"})"),
       {"grid.d[1]: found 0; allowed: an integer from 1 to"}},
      {config_with(R"({"n": 8, "d": 16, "eta": 1, "scheme": "exact"})"),
       {"grid.eta: found 1; allowed: a number from 0 to 0.999999"}},
      {config_with(R"({"n": 8, "d": 16, "rate": -1, "scheme": "bitpack"})"), {"grid.rate: found -1"}},
      {config_with(R"({"n": 8, "d": 16, "scheme": [3]})"), {"grid.scheme[0]: found 3"}},
      {config_with(R"({"n": 8, "d": 16, "scheme": "exact"})", R"(, "stop": 4)"), {"stop: found 4"}},
      {config_with(R"({"n": 8, "d": 16, "scheme": "exact"})", R"(, "stop": {"half_width": -1})"),
       {"stop.half_width: found -1; allowed: a number from 0 to 1"}},
      {config_with(R"({"n": 8, "d": 16, "scheme": "exact"})", R"(, "stop": {"min_trials": 9, "max_trials": 5})"),
       {"stop.max_trials: found 5; allowed: at least min_trials = 9"}},
      {config_with(R"({"n": 8, "d": 16, "scheme": "exact"})", R"(, "seed": -1)"), {"seed: found -1"}},
      {config_with(R"({"n": {"geometric": [8, 2, 2]}, "d": 16, "scheme": "exact"})"),
       {"grid.n.geometric: found [8,2,2]; allowed: [first, last, ratio]"}},
      {config_with(R"({"n": {"geometri": [2, 8, 2]}, "d": 16, "scheme": "exact"})"),
       {"grid.n.geometri: found an unknown key", "did you mean \"geometric\"?"}},
      {config_with(R"({"n": 8, "d": 16, "rate": {"linear": [0, 1, 0]}, "scheme": "bitpack"})"),
       {"grid.rate.linear: found [0,1,0]; allowed: [first, last, step]"}},
      {"[1]", {"config: found [1]; allowed: an object"}},
      // Values that are missing, given twice, or read by nobody.
      {config_with("{}"), {"grid.n: found nothing"}},
      {config_with("[]"), {"grid: found an empty list"}},
      {R"({"experiment": "index_frontier"})", {"grid.n: found nothing"}},
      {config_with(R"({"n": [], "d": 16, "scheme": "exact"})"),
       {"grid.n: found an empty list; allowed: at least one value (an integer from 1"}},
      {config_with(R"({"n": 8, "d": 16, "scheme": []})"), {"grid.scheme: found an empty list"}},
      {config_with(R"({"n": 8, "d": 16})"), {"grid.scheme: found nothing; allowed: at least one scheme"}},
      {config_with(R"({"n": 8, "d": 16, "scheme": "bitpack"})"),
       {"grid.scheme: found \"bitpack\" without a size option and without a rate"}},
      {config_with(R"({"n": 8, "d": 16, "scheme": "exact"})", R"(, "n": 8)"),
       {"grid.n: found a second value; allowed: one place"}},
      {config_with(R"({"n": 8, "d": 16, "rate": [1, 2], "scheme": ["exact", {"name": "bitpack", "bits": 5}]})"),
       {"grid.rate: found an axis that no selected entry reads"}},
      {config_with(R"({"n": 8, "d": 16, "scheme": "exact"})", R"(, "rate": 1)"),
       {"rate: found an axis that no selected entry reads"}},
      // Impossible keys and maps.
      {config_with(R"({"n": 16, "d": 32, "embedding": "kerdock", "scheme": "exact"})"),
       {"grid.embedding: found \"kerdock\" with 85 tokens at d = 32", "nearest 16 or 64"}},
      {config_with(R"({"n": 16, "d": 32, "embedding": "orthonormal", "scheme": "exact"})"),
       {"grid.embedding: found \"orthonormal\" with 85 tokens at d = 32", "needs d >= 85"}},
      {config_with(R"({"n": 17, "d": 16, "scheme": "exact"})"),
       {"grid.n: found \"doubling\" with n = 17; allowed: n a power of two", "nearest: 16 or 32"}},
      {config_with(R"({"n": [16, 32], "schedule": "var256", "d": 16, "scheme": "exact"})"),
       {"grid.n[1]: found 32; allowed: 16, which this schedule fixes"}},
      {config_with(R"({"schedule": {"sides": [1, 3, 2]}, "d": 16, "scheme": "exact"})"),
       {"grid.schedule.sides[2]: found 2; allowed: increasing sides"}},
      {config_with(R"({"n": 32, "d": 4, "tau": "union", "scheme": "exact"})"),
       {"grid.tau: found \"union\" at d = 4", "d of at least 9"}},
      {config_with(R"({"n": 1024, "d": 16, "scheme": "exact"})"),
       {"grid.tau: found \"certified\" for 349525 tokens", "above 50000 tokens"}},
      // One value in two ways, and values that no program can hold.
      {"{\"experiment\": \"index_frontier\",\n \"grid\": {\"n\": 8, \"d\": 16,\n \"d\": 32}}",
       {"line 3, column 2: grid.d: found a second time; the first is in line 2, column 19"}},
      {R"({"experiment": "index_frontier", "grid": {"n": 8}, "grid": {"n": 16}})", {"grid: found a second time"}},
      {config_with(R"({"n": 8, "d": 16, "scheme": "bitpack", "rate": [1, 1e400]})"),
       {"line 1, column", "grid.rate[1]: found 1e400; allowed: a number up to 1.8e308"}},
      {config_with(R"({"n": 8, "d": 16, "scheme": "bitpack", "rate": [0.3, 0.30000000000000004]})"),
       {"grid: found two points that differ only beyond the twelfth digit, rate of 0.3 and of 0.30000000000000004"}},
      {config_with(R"([{"n": 8, "d": 16, "scheme": {"name": "kivi", "keys": "public", "bits": 2}, "eta": 0.3},
                       {"n": 8, "d": 16, "scheme": {"name": "kivi", "keys": "public", "bits": 2}, "eta": 0.30000000000000004}])"),
       {"grid[1]: found two points that differ only beyond the twelfth digit, eta of 0.3 and of"}},
      {config_with(R"({"n": 8, "d": {"linear": [8, 10, 0.5]}, "scheme": "exact"})"),
       {"grid.d.linear: found [8,10,0.5]", "step > 0, first and step integers as d is"}},
      {config_with(R"({"n": 8, "d": {"linear": [8.5, 10, 1]}, "scheme": "exact"})"),
       {"grid.d.linear: found [8.5,10,1]"}},
      {config_with(R"({"n": {"linear": [2, 10001, 1]}, "d": {"linear": [1, 10000, 1]}, "schedule": "one_step",
                       "scheme": "bitpack", "rate": {"linear": [1, 10000, 1]}})"),
       {"grid: found 1000000000000 points (", "n has 10000 values", "d has 10000 values", "rate has 10000 values",
        "allowed: at most 1000000 points"}},
      {config_with(R"([{"n": 8, "d": {"linear": [1, 1000, 1]}, "rate": {"linear": [1, 999, 1]}, "scheme": "bitpack"},
                       {"n": 8, "d": {"linear": [1, 1001, 1]}, "scheme": "exact"}])"),
       {"grid[0]: found 1000001 points (", "d has 1000 values"}},
      {config_with(R"({"n": 8, "d": 16, "scheme": "exact"})", R"(, "seed": 18446744073709551616)"),
       {"seed: found 1.8446744073709552e+19; allowed: an integer of at least 0"}},
      // Names that a terminal would obey, or that end a text.
      {config_with(R"({"n": 8, "d": 16, "scheme": "bit\u0000pack"})"), {R"(grid.scheme: found "bit\u0000pack")"}},
      {config_with(R"({"n": 8, "d": 16, "\u001b[31m": 1, "scheme": "exact"})"),
       {R"(grid.\u001b[31m: found an unknown key)"}},
      {config_with(R"({"n": 8, "d": 16, "scheme": "\u009b31m\u202e"})"), {R"(found "\u009b31m\u202e")"}},
      // Where it is.
      {"{\"experiment\": \"index_frontier\",\n \"grid\": {\"n\": 8,\n  \"d\": [16,\n   0], \"scheme\": \"exact\"}}",
       {"config.json, line 4: grid.d[1]: found 0"}},
      {"{\"experiment\": \"index_frontier\",\n \"grid\": {\"n\": 8,\n  \"d\": 16}}",
       {"config.json, line 2: grid.scheme: found nothing"}},
      // No JSON.
      {"{\"experiment\": \"index_frontier\",\n \"grid\": {\"n\": 8,, \"d\": 16}}",
       {"line 2, column 18", "syntax error"}},
      {"", {"line 1, column 1", "syntax error"}},
      {"{\"experiment\": \"index_frontier\"", {"line 1", "syntax error", "end of input"}},
  };
  const Folder folder;
  for (const Mistake& mistake : mistakes) {
    INFO("config: " << mistake.config);
    const std::string file = folder.write("config.json", mistake.config);
    require_sentence(kvfrontier({"check", file}), 2, mistake.says);
  }
  const std::string last = folder.write("config.json", mistakes.front().config);
  require_sentence(kvfrontier({"run", last, "--out", folder / "out"}), 2, mistakes.front().says);
  CHECK_FALSE(fs::exists(folder.path() / "out"));
}

TEST_CASE("a wrong command line is one sentence, exit 2", "[end_to_end]") {
  const Folder folder;
  const std::string config = folder.write("config.json", std::string(sound_config));
  const std::string dangling = folder / "dangling.json";
  fs::create_symlink(folder / "nowhere.json", dangling);
  const std::string empty = folder / "empty";
  fs::create_directory(empty);
  const std::string claims = folder / "claims";
  REQUIRE(
      kvfrontier({"run",
                  folder.write("claim.json",
                               std::string(R"({"experiment": "leak_law", "tokens": 16, "stop": {"max_trials": 1}})")),
                  "--out", claims})
          .code == 0);
  const std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>> mistakes{
      {{"tabel", "x"}, {"unknown verb \"tabel\"", "did you mean \"table\"?"}},
      {{"run", config, "--thread", "2"}, {"unknown flag --thread", "did you mean --threads?"}},
      {{"run", config, "--threads", "0"}, {"--threads 0: an integer from 1 to 4096"}},
      {{"run", config, "--threads", "9999"}, {"--threads 9999: an integer from 1 to 4096"}},
      {{"run", config, "--threads", "two"}, {"--threads", "'two'", "OpenMP threads"}},
      {{"run", config, "--threads"}, {"--threads", "missing"}},
      {{"run", config, "--shard", "0/3"}, {"--shard 0/3: write it as I/N with 1 <= I <= N"}},
      {{"run", config, "--shard", "4/3"}, {"--shard 4/3"}},
      {{"run", config, "--shard", "2"}, {"--shard 2: "}},
      {{"run", config, "--shard", "1/3x"}, {"--shard 1/3x"}},
      {{"run", config, "--shard", "1/99999999999"}, {"--shard 1/99999999999"}},
      {{"run", config, "--isolate", "alwys"},
       {"--isolate: found \"alwys\"; allowed: always, never; did you mean \"always\"?"}},
      {{"run", config, "--max-seconds", "0"}, {"--max-seconds", "a positive number of seconds"}},
      {{"run", config, "--max-seconds", "nan"}, {"--max-seconds", "a positive number of seconds"}},
      {{"run", config, "--memory", "-2"}, {"--memory", "a positive number of GB"}},
      {{"run", config, "--set", "grid"}, {"--set grid: write it as path=value"}},
      {{"run", config, "--set", "grid.nn=3"}, {config + ": grid.nn: found an unknown key", "did you mean \"n\"?"}},
      {{"run", config, "--set", "grid.n.x=3"}, {"--set grid.n.x=3: grid.n holds 8, which has no parts"}},
      {{"run", config, "--set", "grid.scheme.2=exact"},
       {"grid.scheme is a list of 2 entries", "\"2\" is no index in it"}},
      {{"run", config, "--set", "grid.scheme[x]=exact"},
       {"grid.scheme is a list of 2 entries", "\"x\" is no index in it"}},
      {{"run", folder / "none.json"}, {"cannot read " + (folder / "none.json"), "No such file"}},
      {{"check", dangling}, {"cannot read " + dangling + ": No such file or directory\n"}},
      {{"check", "/dev/zero"}, {"/dev/zero: found more than 16 MB; allowed: a file of at most that"}},
      {{"run", config, "--set", "grid.n=1", "--set", "stop.max_trials=0"}, {config + ": stop.max_trials: found 0"}},
      {{"run", config, "--set", "seed=-1"}, {config + ": seed: found -1"}},
      {{"run", config, "--set", "stop={\"max_trials\": 1, \"max_trials\": 2}"},
       {"--set stop, line 1, column 19: max_trials: found a second time"}},
      {{"certify", "--n", "8", "--d", "64", "--seed", "-1"}, {"certify: --seed -1: it takes an integer of at least 0"}},
      {{"verify", "--seed", "-1"}, {"verify: --seed -1: it takes an integer of at least 0"}},
      {{"verify", "--seed=18446744073709551616"}, {"--seed", "it takes an integer of at least 0"}},
      {{"describe", "\x1b[31mkivi"}, {"\\u001b[31mkivi"}},
      {{"describe", "\xff"}, {"\\xff"}},
      {{"run", config + "s"}, {"cannot read " + config + "s", "did you mean " + config + "?"}},
      {{"table", config}, {config, "a file, where a directory of records is wanted"}},
      {{"table", empty + "s"}, {"no such directory", "did you mean " + empty + "?"}},
      {{"run", config, "--threads", "two"}, {"('two')", "'--threads'", "it takes an integer"}},
      {{"run", config, "--max-seconds", "soon"}, {"('soon')", "it takes a number"}},
      {{"frontier", empty, "--target-error", "1.5"}, {"--target-error 1.5", "a number from 0 to 1"}},
      {{"floor", "--n", "0", "--d", "16", "--error", "0.1"}, {"--n: found \"doubling\" with n = 0"}},
      {{"floor", "--n", "8", "--d", "0", "--error", "0.1"}, {"--d 0", "at least 1"}},
      {{"certify", "--n", "8", "--d", "0"}, {"--d 0", "at least 1"}},
      {{"certify", "--n", "8"}, {"certify: --d is missing"}},
      {{"run", folder.path().string()}, {"cannot read", "it is a directory"}},
      {{"run"}, {"run: CONFIG is missing"}},
      {{"run", config, config}, {"run: too many words; usage: kvfrontier run CONFIG"}},
      {{"run", config, "--out", config + "/below"},
       {"cannot create the directory " + config + ": a file of that name is in the way"}},
      {{"run", config, "--out", config}, {"cannot create the directory " + config}},
      {{"run", config, "--out", "/proc/kvfrontier"}, {"cannot create the directory /proc/kvfrontier"}},
      {{"table", folder / "none"}, {folder / "none", "no such directory"}},
      {{"table", empty}, {empty, "no records here"}},
      {{"audit", empty}, {empty, "no records here"}},
      {{"table", claims}, {claims, "no games here, only records of leak_law"}},
      {{"frontier", claims}, {claims, "no games here"}},
      {{"audit", claims}, {claims, "no games here"}},
      {{"table", empty, "--format", "cvs"}, {"--format: found \"cvs\"", "did you mean \"csv\"?"}},
      {{"merge", empty}, {"merge: --out is missing"}},
      {{"merge", folder / "none", "--out", folder / "union"}, {"no such directory"}},
      {{"list", "embeddings", "--markdown", "--json"}, {"--markdown or --json"}},
      {{"completion", "fish"}, {"completion: found \"fish\"", "bash"}},
      {{"run", config, "--json"}, {"--json goes with --dry-run"}},
      {{"verify", "--from", empty, "--dry-run"}, {"--from and --dry-run"}},
      {{"floor", "--model", "var-d17", "--error", "0.1"},
       {"--model var-d17", "infinity-8b", "did you mean \"var-d16\"?"}},
      {{"floor", "--model", "var-d16", "--d", "64", "--error", "0.1"}, {"--model and --d"}},
      {{"list", "scheme"}, {"list: found \"scheme\"", "did you mean \"schemes\"?"}},
      {{"describe", "bitpac"}, {"nothing is called \"bitpac\"; did you mean \"bitpack\"?"}},
      {{"floor", "--n", "8", "--d", "16"}, {"give one of --error, --bits and --curve"}},
      {{"floor", "--n", "8", "--d", "16", "--error", "2"}, {"--error 2", "a number from 0 to 1"}},
      {{"floor", "--n", "7", "--d", "16", "--error", "0.1"}, {"--n: found \"doubling\" with n = 7", "nearest: 4 or 8"}},
      {{"floor", "--n", "8", "--d", "16", "--error", "0.1", "--schedule", "var25"},
       {"--schedule: found \"var25\"", "did you mean \"var256\"?"}},
      {{"certify", "--d", "16"}, {"certify: --n is missing"}},
      {{"certify", "--n", "8", "--d", "16", "--embedding", "kerdok"},
       {"--embedding: found \"kerdok\"", "did you mean \"kerdock\"?"}},
      {{"replay", empty}, {"--point and --trial are needed"}},
      {{"decode", folder / "none"}, {"cannot read " + (folder / "none")}},
      {{"check", folder / "none"}, {"cannot read " + (folder / "none")}},
  };
  for (const auto& [words, says] : mistakes) {
    std::string line = "kvfrontier";
    for (const auto& word : words) line += " " + word;
    INFO(line);
    require_sentence(kvfrontier(words), 2, says);
  }
  CHECK_FALSE(fs::exists(folder.path() / "union"));
  const Finished nothing = kvfrontier({});
  CHECK(nothing.code == 2);
  CHECK_THAT(nothing.out, Contains("usage:"));
}

TEST_CASE("one number written in several ways is one point", "[end_to_end]") {
  const Folder folder;
  for (const char* rates : {"[0, -0.0]", "[1, 1.0, 1e0, 10e-1]", "[0.1, 1e-1, 0.10]", "[-0, 0.0, -0.0e5]"}) {
    CAPTURE(rates);
    const std::string grid = std::string(R"({"n": 8, "d": 16, "scheme": "bitpack", "rate": )") + rates + "}";
    const Finished finished = kvfrontier({"check", folder.write("config.json", config_with(grid))});
    INFO(finished.err);
    CHECK(finished.code == 0);
    CHECK_THAT(finished.out, Contains("with 1 points is sound"));
  }
}

TEST_CASE("seeds have all of 64 bits", "[end_to_end]") {
  const Folder folder;
  const std::string config =
      folder.write("config.json", config_with(R"({"n": 4, "d": 8, "scheme": "exact"})",
                                              R"(, "seed": 18446744073709551615, "stop": {"max_trials": 1})"));
  const std::string out = folder / "out";
  REQUIRE(kvfrontier({"run", config, "--out", out, "--quiet"}).code == 0);
  CHECK(records_of(out).at(0).at("parameters").at("seed").get<std::uint64_t>() == 18446744073709551615U);
  CHECK(table_of(out).at(0).at("seed") == "18446744073709551615");
  CHECK(kvfrontier({"audit", out}).code == 0);
  // Every bit counts.
  REQUIRE(kvfrontier({"run", config, "--out", out, "--quiet", "--set", "seed=18446744073709551614"}).code == 0);
  CHECK(record_count(out) == 2);
  CHECK(kvfrontier({"certify", "--n", "4", "--d", "32", "--seed", "18446744073709551615"}).code == 0);
}

TEST_CASE("a config may come through a pipe", "[end_to_end]") {
  const Folder folder;
  const std::string config = folder.write("config.json", std::string(sound_config));
  const auto through_pipe = [&](const std::string& from, const std::vector<std::string>& words) {
    std::string line = "cat '" + from + "' | exec";
    for (const auto& word : kvfrontier_words(words)) line.append(" '").append(word).append("'");
    return Running({"/bin/sh", "-c", line}).wait();
  };
  const Finished checked = through_pipe(config, {"check", "-"});
  CHECK(checked.code == 0);
  CHECK(checked.out == "standard input: index_frontier with 4 points is sound\n");
  CHECK(through_pipe(config, {"run", "-", "--out", folder / "out", "--quiet"}).code == 0);
  REQUIRE(kvfrontier({"run", config, "--out", folder / "same", "--quiet"}).code == 0);
  CHECK(canonical(folder / "out") == canonical(folder / "same"));
  require_sentence(through_pipe(config, {"run", "-"}), 2, {"run: --out is missing"});
  const std::string wrong = folder.write("wrong.json", std::string("{\"experiment\":\n 3}"));
  require_sentence(through_pipe(wrong, {"check", "-"}), 2, {"kvfrontier: standard input, line 1: experiment: found 3"});
}

TEST_CASE("what lists, describes and checks answers with exit 0", "[end_to_end]") {
  const Folder folder;
  const std::string config = folder.write("config.json", std::string(sound_config));
  const auto says = [](const std::vector<std::string>& words, const std::string& part) {
    const Finished finished = kvfrontier(words);
    INFO(words.front() << ": " << finished.err);
    CHECK(finished.code == 0);
    CHECK_THAT(finished.out, Contains(part));
  };
  says({"check", config}, "index_frontier with 4 points is sound");
  says({"--help"}, "kvfrontier run CONFIG");
  says({"--version"}, "kvfrontier ");
  says({"run", "--help"}, "--max-seconds");
  says({"list", "schemes"}, "bitpack");
  says({"list", "experiments"}, "index_frontier");
  says({"list", "embeddings"}, "kerdock");
  says({"list", "instances"}, "index");
  says({"describe", "kivi"}, "default");
  says({"describe", "sphere"}, "law");
  says({"floor", "--n", "8", "--d", "16", "--error", "0"}, "336");
  says({"floor", "--n", "8", "--d", "16", "--bits", "0"}, "0.5");
  says({"certify", "--n", "8", "--d", "64"}, "certified tau");
  for (const char* kind : {"experiments", "schemes", "embeddings", "instances"}) {
    const Json list = Json::parse(kvfrontier({"list", kind, "--json"}).out);
    REQUIRE(list.is_array());
    for (const Json& entry : list) {
      CHECK_FALSE(entry.at("summary").get<std::string>().empty());
      CHECK(Json::parse(kvfrontier({"describe", entry.at("name"), "--json"}).out) == entry);
    }
  }
  // Every line of the curve is a floor: the error falls from 1/2 to 0.
  const auto curve = parse_csv(kvfrontier({"floor", "--n", "8", "--d", "16", "--curve", "11"}).out);
  REQUIRE(curve.size() == 11);
  CHECK(std::stod(curve.front().at("error_finite")) == Approx(0.5));
  CHECK(std::stod(curve.back().at("error_finite")) == 0);
  CHECK(curve.back().at("bits") == "336");
}

}  // namespace kvfrontier::end_to_end::bad_input
