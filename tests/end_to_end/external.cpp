// Schemes from outside the tree: the NumPy reference against the same scheme in C++, and programs that misbehave, each
// a failed record with the end of its stderr.

#include <csignal>
#include <set>

#include "../support/catch.hpp"
#include "core/program.hpp"
#include "process.hpp"

namespace kvfrontier::end_to_end::external {
namespace {

const fs::path root = KVFRONTIER_SOURCE_DIR;

// A Python that has NumPy; the one on PATH may have none.
std::string numpy_python() {
  const Finished found = Running({(root / ".ci/python").string()}).wait();
  REQUIRE(found.code == 0);
  return lines_of(found.out).at(0);
}

// How frames of the protocol are read and written.
constexpr const char* frames = R"py(
def read_frame():
    (size,) = struct.unpack("<Q", sys.stdin.buffer.read(8))
    return sys.stdin.buffer.read(size)
def write_frame(payload):
    sys.stdout.buffer.write(struct.pack("<Q", len(payload)) + payload)
    sys.stdout.buffer.flush()
)py";

// A program of the protocol that nothing but Python is needed for: an empty message, answers of 1/2. `encode` and
// `decode` are replaced by what a test wants to go wrong.
std::string program_with(const std::string& encode, const std::string& decode) {
  return std::string("import json, os, struct, subprocess, sys, time") + frames + R"py(def last_words():
    for line in ("first words", "lost the codebook"):
        print(line, file=sys.stderr, flush=True)
def take_in():
    read_frame(), read_frame()
    while read_frame():
        pass
def take_in_message():
    read_frame(), read_frame()
    return read_frame(), read_frame()
def halves(queries):
    return struct.pack("<d", 0.5) * (len(queries) // 8)
def encode(shape):
)py" + encode +
         "\ndef decode(shape):\n" + decode +
         "\nshape = json.loads(read_frame())\n"
         "{\"encode\": encode, \"decode\": decode}[shape[\"role\"]](shape)\n";
}
constexpr const char* good_encode = R"py(
    write_frame(struct.pack("<Q", 12))
    take_in()
    write_frame(b"\xff\x0f"))py";
constexpr const char* good_decode = R"py(
    _message, queries = take_in_message()
    write_frame(halves(queries)))py";

Json entry_of(const std::string& script, double seconds = 60) {
  return {
      {"name", "process"}, {"encoder", {"python3", script}}, {"decoder", {"python3", script}}, {"seconds", seconds}};
}
Json config_of(const Json& schemes, int trials = 1) {
  return {{"experiment", "index_frontier"},
          {"grid", {{"n", 4}, {"d", 16}, {"scheme", schemes}}},
          {"queries", 8},
          {"stop", {{"min_trials", trials}, {"max_trials", trials}}}};
}

// What one trial with this program ends in: the reason of its failed record, or "ok".
struct Ending {
  std::string reason;
  int code;
};
Ending ending_of(const std::string& encode, const std::string& decode, double seconds = 60) {
  const Folder folder;
  const std::string script = folder.write("program.py", program_with(encode, decode));
  const std::string config = folder.write("config.json", config_of(entry_of(script, seconds)));
  const Finished finished = kvfrontier({"run", config, "--out", folder / "out", "--quiet"});
  INFO(finished.err);
  CHECK(eventually([&] { return processes_of(script) == 0; }));
  const auto records = records_of(folder.path() / "out");
  REQUIRE(records.size() == 1);
  if (records[0].at("status") != "failed") return {records[0].at("status"), finished.code};
  CHECK_THAT(finished.err, Contains("one that failed: "));
  // The table says it too, on one line.
  const Finished table = kvfrontier({"table", folder / "out"});
  CHECK_THAT(table.out, Contains("1 failed ("));
  return {records[0].at("data").at("reason"), finished.code};
}

}  // namespace

TEST_CASE("the NumPy reference is the C++ scheme of the same name, record for record", "[end_to_end][external]") {
  const Folder folder;
  const std::string python = numpy_python(), script = (root / "experiments/external_scheme/python/sign.py").string();
  const Json process{
      {"name", "process"}, {"encoder", {python, script}}, {"decoder", {python, script}}, {"keys", "public"}};
  Json config = config_of({"sign", process}, 4);
  config["grid"]["n"] = 8;
  config["grid"]["d"] = {16, 64};
  config["queries"] = 64;
  // An outside project's program: the verbs of kvfrontier and the scheme `sign`.
  const Finished finished =
      Running({KVFRONTIER_SIGN_BINARY, "run", folder.write("config.json", config), "--out", folder / "out"}).wait();
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  std::map<std::string, std::vector<Json>> games;
  for (const Json& record : records_of(folder.path() / "out"))
    games[record.at("parameters").at("d").dump() + ", trial " + record.at("trial").dump()].push_back(record);
  CHECK(games.size() == 8);
  double errors = 0;
  for (const auto& [game, records] : games) {
    CAPTURE(game);
    REQUIRE(records.size() == 2);
    const Json &one = records[0].at("data"), &other = records[1].at("data");
    CHECK(records[0].at("parameters").at("scheme").at("name") != records[1].at("parameters").at("scheme").at("name"));
    for (const char* what : {"message_bits", "map_errors"}) CHECK(one.at(what) == other.at(what));
    CHECK(one.at("metrics").at("error") == other.at("metrics").at("error"));
    CHECK(one.at("metrics").at("error").at("count") == 64);
    for (const char* what : {"mse", "relative_l2", "mixture_relative_l2", "random_relative_l2"})
      CHECK(mean_of(records[0], what).get<double>() == Approx(mean_of(records[1], what).get<double>()).epsilon(1e-9));
    errors += mean_of(records[0], "error").get<double>();
  }
  CHECK(errors > 0);  // at d = 16 the scheme errs, so equal errors say something

  // The message is one string of bits in both, so either decoder reads it: a replay dumps the NumPy one.
  for (const Json& record : records_of(folder.path() / "out")) {
    if (record.at("parameters").at("scheme").at("name") != "process" || record.at("trial") != 1) continue;
    const Finished replay = kvfrontier(
        {"replay", folder / "out", "--point", record.at("point"), "--trial", "1", "--dump-message", folder / "game"});
    CHECK(replay.code == 0);
    CHECK_THAT(replay.err, Contains("identical to the stored record"));
    CHECK(kvfrontier({"decode", folder / "game"}).code == 0);
  }
}

TEST_CASE("programs that misbehave are failed records with the end of their stderr", "[end_to_end][external]") {
  CHECK(ending_of(good_encode, good_decode).reason == "ok");
  const std::string stderr_end = "; its stderr ends: first words | lost the codebook";
  const std::string said = "\n    write_frame(struct.pack(\"<Q\", 12)); last_words()\n";

  struct Way {
    const char* encode;
    const char* reason;
  };
  // Alice's program.
  for (const Way& way : {
           Way{"    sys.exit(3)", "exited with status 3 before it had"},
           Way{"    take_in(); sys.exit(3)", "exited with status 3 before it had written its message"},
           Way{"    take_in(); os.kill(os.getpid(), 9)", "was killed by signal 9 (Killed) before"},
           Way{"    take_in(); sys.stdout.buffer.write(struct.pack('<Q', 2) + b'x')",
               "exited with status 0 before it had written 2 bytes of its message, of which there are 1"},
           Way{"    take_in(); write_frame(b'xxx')", "announced 3 bytes of its message where 2 are due"},
           Way{"    take_in(); write_frame(b'\\xff\\xff')", "wrote ones behind the last bit of its message"},
           Way{"    take_in(); write_frame(b'xx'[:1] + b'\\0'); print('done')",
               "wrote more to stdout than the protocol asks for, beginning with \"done\""},
           Way{"    take_in(); print('a word on stdout')",
               "wrote the text \"a word o\"... where its message should begin"},
           Way{"    take_in(); write_frame(b'x\\0'); sys.exit(4)", "exited with status 4 after all had been said"},
       }) {
    CAPTURE(way.encode);
    const Ending ending = ending_of(said + way.encode, good_decode);
    CHECK_THAT(ending.reason, Contains(way.reason) && Contains(stderr_end));
    CHECK(ending.code == 1);
  }
  // Bob's.
  const std::string asked = "\n    message, queries = take_in_message(); last_words()\n";
  for (const Way& way : {
           Way{"    sys.exit(3)", "exited with status 3 before it had written its answers"},
           Way{"    answers = halves(queries); write_frame(answers[:-8])", "bytes of its answers where"},
           Way{"    sys.stdout.buffer.write(struct.pack('<Q', len(queries)) + b'xyz')",
               "of its answers, of which there are 3"},
           Way{"    write_frame(struct.pack('<d', float('nan')) + halves(queries)[8:])",
               "answered with a number that is not finite"},
           Way{"    write_frame(halves(queries)[8:] + struct.pack('<d', float('-inf')))",
               "answered with a number that is not finite"},
           Way{"    print('hello from Bob')", "wrote the text \"hello fr\"... where its answers should begin"},
       }) {
    CAPTURE(way.encode);
    const Ending ending = ending_of(good_encode, asked + way.encode);
    CHECK_THAT(ending.reason, Contains("Bob's decoder failed: ") && Contains(way.reason) && Contains(stderr_end));
    CHECK(ending.code == 1);
  }
}

TEST_CASE("programs that hang are killed with all they have started", "[end_to_end][external]") {
  // Fifteen seconds are enough for Python to start, and not for what it then does.
  const std::string hang = R"py(
    last_words()
    subprocess.Popen(["sh", "-c", "sleep 1000; : " + __file__])
    time.sleep(1000))py";
  const std::string said = "\n    write_frame(struct.pack('<Q', 12)); take_in()";
  const std::string alice = ending_of(said + hang, good_decode, 15).reason;
  CHECK_THAT(alice,
             Contains("did not write its message within 15 s; its stderr ends: first words | lost the codebook"));
  CHECK_THAT(ending_of(good_encode, "\n    take_in_message()" + hang, 15).reason,
             Contains("did not write its answers within 15 s; its stderr ends: first words | lost the codebook"));
  // Before it has said how long its message is: the point is not measured, and its record says why.
  CHECK_THAT(ending_of(hang, good_decode, 15).reason, Contains("did not write the length of its message within 15 s"));
}

TEST_CASE("programs end with kvfrontier and with Bob, however hard", "[end_to_end][external]") {
  const std::string hang = R"py(
    subprocess.Popen(["sh", "-c", "sleep 1000; : " + __file__])
    time.sleep(1000))py";
  for (const bool alice : {true, false}) {
    CAPTURE(alice);
    const Folder folder;
    const std::string script = folder.write(
        "program.py",
        alice ? program_with(std::string("\n    write_frame(struct.pack('<Q', 12)); take_in()") + hang, good_decode)
              : program_with(good_encode, "\n    take_in_message()" + hang));
    const std::string config = folder.write("config.json", config_of(entry_of(script)));
    const Running running(kvfrontier_words({"run", config, "--out", folder / "out", "--quiet"}));
    CHECK(eventually([&] { return processes_of(script) >= 2; }));  // the program and what it has started
    running.signal(SIGKILL);
    CHECK(eventually([&] { return processes_of(script) == 0; }));
  }
}

TEST_CASE("a Bob who is given up takes his program with him", "[end_to_end][external]") {
  const Folder folder;
  const std::string script = folder.write("program.py", program_with(good_encode, "\n    time.sleep(1000)"));
  const std::string config = folder.write("config.json", config_of(entry_of(script)));
  const Finished finished = kvfrontier({"run", config, "--out", folder / "out", "--quiet", "--bob-seconds", "3"});
  CHECK(finished.code == 1);
  CHECK(records_of(folder.path() / "out").at(0).at("data").at("reason") == "Bob did not answer within 3 s");
  CHECK(eventually([&] { return processes_of(script) == 0; }));
}

TEST_CASE("a length that is not a function of what both know is refused", "[end_to_end][external]") {
  CHECK_THAT(ending_of(R"py(
    write_frame(struct.pack("<Q", os.getpid())); take_in())py",
                       good_decode)
                 .reason,
             Contains("for the same shape when the config was read"));
}

TEST_CASE("a config with programs that are not there is refused by its path", "[end_to_end][external]") {
  const Folder folder;
  const std::string script = folder.write("program.py", program_with(good_encode, good_decode));
  const Json good = entry_of(script);
  const auto with = [&](const char* key, const Json& value) {
    Json entry = good;
    entry[key] = value;
    return entry;
  };
  Json without = good;
  without.erase("decoder");
  const std::pair<Json, std::vector<std::string>> mistakes[] = {
      {"process", {"grid.scheme.encoder: found nothing; allowed: a list of words"}},
      {without, {"grid.scheme.decoder: found nothing; allowed: a list of words"}},
      {with("encoder", {"no-such-program", script}),
       {"grid.scheme.encoder[0]: found \"no-such-program\"; allowed: a program on PATH"}},
      {with("decoder", {folder / "nowhere"}), {"grid.scheme.decoder[0]: found ", "allowed: the path of an executable"}},
      {with("decoder", {script}), {"grid.scheme.decoder[0]: found ", "which may not be executed"}},
      {with("encoder", Json::array()), {"grid.scheme.encoder: found []; allowed: a list of words"}},
      {with("encoder", "python3"), {"grid.scheme.encoder: found \"python3\"; allowed: a list of words"}},
      {with("encoder", {"python3", 3}), {"grid.scheme.encoder: found [\"python3\",3]"}},
      {with("options", 3), {"grid.scheme.options: found 3; allowed: an object"}},
      {with("files", {"no-such-file"}), {"grid.scheme.files[0]: found \"no-such-file\""}},
      {with("digest", "0123"), {"grid.scheme.digest: found \"0123\"; allowed: \""}},
      {with("encodr", {"x"}), {"grid.scheme.encodr: found an unknown key", "did you mean \"encoder\"?"}}};
  for (const auto& [scheme, says] : mistakes) {
    CAPTURE(scheme.dump());
    const Finished finished = kvfrontier({"check", folder.write("config.json", config_of(scheme))});
    CHECK(finished.code == 2);
    for (const std::string& part : says) CHECK_THAT(finished.err, Contains(part));
  }
  Json clustered = config_of(with("keys", "public"));
  clustered["grid"]["instance"] = "clustered";
  CHECK_THAT(kvfrontier({"check", folder.write("config.json", clustered)}).err,
             Contains("grid.scheme.keys: found \"public\""));
  CHECK(kvfrontier({"check", folder.write("config.json", config_of(good))}).code == 0);
}

TEST_CASE("an edited program is another point, and its own options reach it", "[end_to_end][external]") {
  const Folder folder;
  const char* const encode = R"py(
    write_frame(struct.pack("<Q", 8 * shape["options"]["bytes"]))
    take_in()
    write_frame(bytes(shape["options"]["bytes"])))py";
  const std::string script = folder.write("program.py", program_with(encode, good_decode));
  const std::string weights = folder.write("weights", std::string("1"));
  Json entry = entry_of(script);
  entry["files"] = {weights};
  entry["options"] = {{"bytes", 5}};
  const std::string config = folder.write("config.json", config_of(entry));
  const auto run = [&] { return kvfrontier({"run", config, "--out", folder / "out"}).err; };
  CHECK_THAT(run(), Contains("1 trials measured, 0 found"));
  CHECK_THAT(run(), Contains("0 trials measured, 1 found"));
  folder.write("program.py", program_with(encode, good_decode) + "# edited\n");
  CHECK_THAT(run(), Contains("1 trials measured, 0 found"));
  folder.write("weights", std::string("2"));
  CHECK_THAT(run(), Contains("1 trials measured, 0 found"));
  const auto records = records_of(folder.path() / "out");
  REQUIRE(records.size() == 3);
  std::set<std::string> digests;
  for (const Json& record : records) {
    CHECK(record.at("status") == "ok");
    CHECK(record.at("data").at("message_bits") == 40);
    CHECK(record.at("data").at("ledger") == Json{{"message", 40}});
    const Json& options = record.at("parameters").at("scheme").at("options");
    CHECK(options.at("bits") == 40);
    digests.insert(options.at("digest"));
  }
  CHECK(digests.size() == 3);
  // A digest that is given pins the files.
  const Json digest = records.back().at("parameters").at("scheme").at("options").at("digest");
  entry["digest"] = digest == *digests.begin() ? *digests.rbegin() : *digests.begin();
  CHECK(kvfrontier({"check", folder.write("pinned.json", config_of(entry))}).code == 2);
  entry["digest"] = digest;
  CHECK_THAT(kvfrontier({"run", folder.write("pinned.json", config_of(entry)), "--out", folder / "out"}).err,
             Contains("0 trials measured, 1 found"));
  // A replay of the records of an edited program says so and measures nothing.
  const Finished replay = kvfrontier({"replay", folder / "out", "--point", records[0].at("point"), "--trial", "0"});
  CHECK(replay.code == 3);
  CHECK_THAT(replay.out, Contains("the programs' files are not those that the config was read with"));
}

// The built-in `bitpack`, spoken by NumPy: the same answers for the same budget, and a least length that is refused
// below.
TEST_CASE("a program fits itself to a budget", "[end_to_end][external]") {
  const Folder folder;
  const std::string script = folder.write("bitpack.py", std::string(R"py(
import json, struct, sys
import numpy as np)py") + frames + R"py(
shape = json.loads(read_frame())
N, d = shape["tokens"], shape["d"]
least = shape["options"]["least"]
bits = max(least, min(shape["budget_bits"], N * d))
kept = np.arange(d)[None, :] < (bits // N + (np.arange(N) < bits % N))[:, None]  # leading entries of each row
if shape["role"] == "encode":
    write_frame(struct.pack("<Q", bits))
    read_frame(), read_frame()
    rows = []
    while block := read_frame():
        rows.append(np.frombuffer(block, "<f4").reshape(2, -1, d)[1] > 0.5)
    write_frame(np.packbits(np.concatenate(rows)[kept], bitorder="little").tobytes())
else:
    read_frame()
    keys = np.frombuffer(read_frame(), "<f4").reshape(N, d).astype("f8")
    values = np.full((N, d), 0.5)
    values[kept] = np.unpackbits(np.frombuffer(read_frame(), "u1"), bitorder="little", count=bits)
    queries = np.frombuffer(read_frame(), "<f8").reshape(-1, d)
    weights = np.exp(queries @ keys.T - (queries @ keys.T).max(axis=1, keepdims=True))
    write_frame((weights @ values / weights.sum(axis=1, keepdims=True)).tobytes())
)py");
  Json entry = entry_of(script);
  entry["encoder"][0] = entry["decoder"][0] = numpy_python();
  entry["keys"] = "public";
  entry["options"] = {{"least", 30}};
  Json config = config_of({"bitpack", entry}, 3);
  config["grid"]["rate"] = {0.25, 0.5, 0.71, 1, 3};
  config["grid"]["d"] = 24;
  const Finished finished = kvfrontier({"run", folder.write("config.json", config), "--out", folder / "out"});
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  std::map<std::string, std::vector<Json>> games;
  int infeasible = 0;
  for (const Json& record : records_of(folder.path() / "out")) {
    if (record.at("status") == "infeasible") {
      CHECK(record.at("data").at("least_bits") == 30);
      CHECK(record.at("parameters").at("scheme").at("name") == "process");
      ++infeasible;
      continue;
    }
    games[record.at("parameters").at("rate").dump() + ", trial " + record.at("trial").dump()].push_back(record);
  }
  CHECK(infeasible == 0);
  CHECK(games.size() == 15);
  for (const auto& [game, records] : games) {
    CAPTURE(game);
    REQUIRE(records.size() == 2);
    CHECK(records[0].at("data").at("message_bits") == records[1].at("data").at("message_bits"));
    // Not the bit error: entries that are not sent are read at 1/2, where the order of a sum decides.
    for (const char* what : {"mse", "relative_l2", "mixture_relative_l2", "random_relative_l2"})
      CHECK(mean_of(records[0], what).get<double>() ==
            Approx(mean_of(records[1], what).get<double>()).epsilon(1e-9).margin(1e-12));
  }
  config["grid"]["rate"] = 0.2;
  CHECK_THAT(kvfrontier({"run", folder.write("small.json", config), "--out", folder / "small"}).err,
             Contains("1 infeasible, 0 failed"));
  CHECK_THAT(kvfrontier({"table", folder / "small"}).out, Contains("infeasible: least rate 0.25"));
}

}  // namespace kvfrontier::end_to_end::external
