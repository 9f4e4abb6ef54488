// Bobs that die, hang or answer nonsense: the game says why, and the next one is played as if nothing had been.

#include "simulator/bob.hpp"

#include <csignal>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <new>
#include <thread>

#include <unistd.h>

#include "../support/catch.hpp"
#include "../support/game.hpp"
#include "cheats.hpp"
#include "sweep/runner.hpp"
#include "sweep/store_files.hpp"

using namespace kvfrontier;
using namespace kvfrontier::tests;
using core::RowMatrixD;
using simulator::Isolation;

namespace {

std::size_t open_descriptors() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    static_cast<void>(entry);
    ++count;
  }
  return count - 1;  // the listing's own
}

RowMatrixD misbehave(const std::string& way, core::RowsViewD queries) {
  const RowMatrixD zero = RowMatrixD::Zero(queries.rows(), queries.cols());
  if (way == "abort") std::abort();
  if (way == "segfault") std::raise(SIGSEGV);
  if (way == "kill") std::raise(SIGKILL);
  if (way == "exit") _exit(0);
  if (way == "hang") {
    for (;;) pause();
  }
  if (way == "bad_alloc") throw std::bad_alloc();
  if (way == "throw") throw std::runtime_error("lost the codebook");
  if (way == "none") return {};
  if (way == "short") return zero.topRows(queries.rows() - 1);
  if (way == "long") return RowMatrixD::Zero(queries.rows() + 1, queries.cols());
  if (way == "transposed") return zero.transpose();
  if (way == "nan") return zero.array() + std::numeric_limits<double>::quiet_NaN();
  if (way == "infinity") return zero.array() - std::numeric_limits<double>::infinity();
  if (way == "descriptors") return zero.array() + static_cast<double>(open_descriptors());
  return zero;
}

class NoBits : public schemes::Encoder {
 public:
  void absorb(const schemes::TokenBlock&) override {}
  core::Bits state_bits() const override { return 0; }
  void write(core::BitWriter&) const override {}
};

struct BobOptions {
  std::string way = "zero";
  bool early = false;
  static core::MemberList<BobOptions> members() {
    return {core::member("way", &BobOptions::way, "how it misbehaves"),
            core::member("early", &BobOptions::early, "while the decoder is built, not when it is asked")};
  }
};

class BadBob : public Cheat {
 public:
  std::string name() const override { return "cheat_bob"; }
  const core::OptionTable& options() const override { return core::table_of<BobOptions>(); }
  std::optional<core::Bits> message_bits(const schemes::PublicParams&) const override { return 0; }
  std::unique_ptr<schemes::Encoder> encoder(const schemes::PublicParams&) const override {
    return std::make_unique<NoBits>();
  }
  std::unique_ptr<schemes::Decoder> decoder(const schemes::PublicParams& params, core::BitReader) const override {
    const auto& [way, early] = params.options.as<BobOptions>();
    if (early) misbehave(way, RowMatrixD::Zero(2, 2));
    return answering([way = way](core::RowsViewD queries) { return misbehave(way, queries); });
  }
};
const core::Registration<schemes::Scheme, BadBob> bad_bob;

// What the game says of a Bob that goes this way.
std::string complaint(const std::string& way, bool early, Isolation isolation, double seconds = 60) {
  const auto instance = index_instance(instance_params(sides({1, 2, 4}), 6), 0);
  const auto params = params_of(*instance, "cheat_bob", {{"way", way}, {"early", early}}, 5);
  const auto message = simulator::encode(params, *instance);
  try {
    simulator::ask_bob(params, message.bits, RowMatrixD::Ones(4, 6), {isolation, seconds});
  } catch (const simulator::GameError& error) {
    return error.what();
  } catch (const core::MachineError& error) {
    return std::string("the machine: ") + error.what();
  }
  return "no complaint";
}

// A good game, whose answers are known.
bool good_game(Isolation isolation) {
  const auto instance = index_instance(instance_params(sides({1, 2, 4, 8}), 24), 2);
  const double tau = tau_of(*instance);
  const auto params = params_of(*instance, "exact", Json::object(), tau);
  const auto message = simulator::encode(params, *instance);
  const RowMatrixD queries = tau * all_keys(*instance).cast<double>();
  const RowMatrixD answers = simulator::ask_bob(params, message.bits, queries, {isolation, 60});
  const bool right = ((answers.array() > 0.5) == (all_values(*instance).array() > 0.5f)).all();
  return right && answers == answers_of(params, *instance, queries);
}

}  // namespace

TEST_CASE("a Bob that dies or answers nonsense is told, and the next game is played", "[bob]") {
  const std::pair<const char*, const char*> ways[] = {
      {"abort", "Bob crashed with signal 6 (Aborted)"},
      {"segfault", "Bob crashed with signal 11 (Segmentation fault)"},
      {"kill", "the machine: Bob was killed, as the kernel does where memory ends"},
      {"exit", "Bob died before he had answered in full"},
      {"bad_alloc", "the machine: Bob ran out of memory"},
      {"throw", "Bob's decoder failed: lost the codebook"},
      {"none", "Bob answered 0 x 0 numbers where 4 x 6 were asked for"},
      {"short", "Bob answered 3 x 6 numbers where 4 x 6 were asked for"},
      {"long", "Bob answered 5 x 6 numbers where 4 x 6 were asked for"},
      {"transposed", "Bob answered 6 x 4 numbers where 4 x 6 were asked for"},
      {"nan", "Bob answered with a number that is not finite"},
      {"infinity", "Bob answered with a number that is not finite"},
      {"zero", "no complaint"}};
  for (const auto& [way, reason] : ways) {
    CAPTURE(way);
    CHECK(complaint(way, false, Isolation::always) == reason);
    CHECK(good_game(Isolation::always));
  }
  for (const char* way : {"abort", "segfault", "kill", "exit", "bad_alloc", "throw"}) {
    CAPTURE(way);
    const auto known = std::find_if(std::begin(ways), std::end(ways),
                                    [&](const auto& entry) { return std::string(entry.first) == way; });
    CHECK(complaint(way, true, Isolation::always) == known->second);
    CHECK(good_game(Isolation::always));
  }
  // In place the answers are held to the same.
  for (const char* way : {"none", "short", "long", "transposed", "nan", "infinity", "zero"}) {
    const auto known = std::find_if(std::begin(ways), std::end(ways),
                                    [&](const auto& entry) { return std::string(entry.first) == way; });
    CHECK(complaint(way, false, Isolation::never) == known->second);
  }
}

TEST_CASE("a Bob that hangs is given up after his time", "[bob]") {
  for (const bool early : {false, true}) {
    CHECK(complaint("hang", early, Isolation::always, 0.25) == "Bob did not answer within 0.25 s");
    CHECK(good_game(Isolation::always));
  }
}

TEST_CASE("games leave no descriptor behind, and a Bob has none but his line", "[bob]") {
  good_game(Isolation::always);
  const std::size_t before = open_descriptors();
  for (const char* way : {"kill", "abort", "throw", "short", "nan"}) complaint(way, false, Isolation::always);
  complaint("hang", false, Isolation::always, 0.1);
  for (int i = 0; i < 20; ++i) CHECK(good_game(Isolation::always));
  CHECK(open_descriptors() == before);

  const auto instance = index_instance(instance_params(sides({1, 2, 4}), 6), 0);
  const auto params = params_of(*instance, "cheat_bob", {{"way", "descriptors"}}, 5);
  const RowMatrixD answers = simulator::ask_bob(params, {}, RowMatrixD::Ones(1, 6), {Isolation::always, 60});
  CHECK(answers(0, 0) == 4);  // three that lead nowhere, and the line
}

TEST_CASE("many threads ask many Bobs, among them one that hangs", "[bob]") {
  std::vector<int> right(4, 0);
  std::string hanging;
  std::vector<std::thread> threads;
  threads.emplace_back([&] { hanging = complaint("hang", false, Isolation::always, 0.5); });
  for (int& count : right) {
    threads.emplace_back([&count] {
      for (int game = 0; game < 15; ++game) count += good_game(Isolation::always);
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(right == std::vector<int>(4, 15));
  CHECK(hanging == "Bob did not answer within 0.5 s");
}

TEST_CASE("large messages and many queries cross in full", "[bob]") {
  // 341 x 128 floats twice, and 2000 queries: beyond any socket buffer in both directions.
  const auto instance = index_instance(instance_params(sides({1, 2, 4, 8, 16, 32}), 128), 0);
  const auto params = params_of(*instance, "exact", Json::object(), 6);
  const auto message = simulator::encode(params, *instance);
  CHECK(message.bits.size == 2 * 341 * 128 * 32);
  const RowMatrixD queries = instance->random_queries(2000, 6);
  CHECK(simulator::ask_bob(params, message.bits, queries, {Isolation::always, 60}) ==
        simulator::ask_bob(params, message.bits, queries, {Isolation::never, 60}));
}

TEST_CASE("a game without queries is a game", "[bob]") {
  const auto instance = index_instance(instance_params(sides({1, 2, 4}), 6), 0);
  const auto params = params_of(*instance, "exact", Json::object(), 5);
  const auto message = simulator::encode(params, *instance);
  for (const Isolation isolation : {Isolation::always, Isolation::never}) {
    CHECK(simulator::ask_bob(params, message.bits, RowMatrixD(0, 6), {isolation, 60}).rows() == 0);
  }
}

TEST_CASE("misbehaving games are failed records, and the sweep goes on", "[bob][sweep]") {
  const auto directory = std::filesystem::temp_directory_path() / ("kvfrontier-bob-" + std::to_string(getpid()));
  std::filesystem::remove_all(directory);
  const auto plan = sweep::make_plan(core::Json::parse(R"({
    "experiment": "index_frontier", "seed": 1,
    "grid": {"n": 4, "d": 24,
             "scheme": [{"name": "cheat_bob", "way": "exit"}, {"name": "cheat_bob", "way": "hang"}, {"name": "cheat_bob", "way": "short"},
                        {"name": "cheat_books", "lie": "ledger"}, {"name": "cheat_length"}, "exact"]},
    "queries": 8, "stop": {"min_trials": 2, "max_trials": 2}})"));
  REQUIRE(plan.points.size() == 6);
  sweep::RunOptions options;
  options.out = directory;
  options.threads.count = 2;
  options.quiet = true;
  options.bob.seconds = 0.5;
  const auto outcome = sweep::run(plan, options);
  CHECK(outcome.points_done == 6);
  CHECK(outcome.trials_measured == 12);
  CHECK(outcome.failed == 10);
  const auto store = sweep::read_store(directory, [](const std::string& text) { FAIL(text); });
  std::map<std::string, std::string> reasons;
  for (const auto& [id, records] : store.points) {
    for (const sweep::Record& record : records.all()) {
      const Json& scheme = record.parameters->at("scheme");
      std::string name = scheme["name"];
      for (const auto& [option, value] : scheme["options"].items()) {
        if (value.is_string()) name.append(1, ' ').append(value.get<std::string>());
      }
      const simulator::GameRecord game = sweep::game_of(record);
      reasons[name] = core::enum_name(game.status) + game.reason;
      CHECK(game.label.rfind(scheme["name"].get<std::string>(), 0) == 0);  // a failed record says what its point is
    }
  }
  CHECK(reasons["cheat_bob exit"] == "failedBob died before he had answered in full");
  CHECK(reasons["cheat_bob hang"] == "failedBob did not answer within 0.5 s");
  CHECK(reasons["cheat_bob short"].find("failedBob answered ") == 0);
  CHECK(reasons["cheat_books ledger"].find("the sum of its ledger says") != std::string::npos);
  CHECK(reasons["cheat_length count"] == "failedDataError: the decoder read past the end of the message and went on");
  CHECK(reasons["exact fp32 stored"] == "ok");
  std::filesystem::remove_all(directory);
}
