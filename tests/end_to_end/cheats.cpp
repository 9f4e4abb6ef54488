// Schemes that break the game: a failed record with the reason, and the sweep goes on. They exist in the test program
// only, so the sweep runs in this process.

#include <unistd.h>

#include <csignal>

#include "../support/catch.hpp"
#include "core/errors.hpp"
#include "process.hpp"
#include "schemes/scheme.hpp"
#include "sweep/runner.hpp"
#include "sweep/store_files.hpp"

namespace kvfrontier::end_to_end::cheats {
namespace {

using schemes::Index;
using schemes::PublicParams;
using sweep::Status;

// Sends one bit; what Bob does with it is `how`'s.
enum class How { honest, dies, aborts, hangs, answers_short, answers_nan, throws, misbooks, grows, alice_throws };

class Encoder : public schemes::Encoder {
 public:
  explicit Encoder(How how) : how_(how) {}
  void absorb(const schemes::TokenBlock&) override {
    if (how_ == How::alice_throws) throw std::runtime_error("Alice lost her notes");
  }
  core::Bits state_bits() const override { return how_ == How::grows ? 2 : 1; }
  void write(core::BitWriter& writer) const override {
    if (how_ != How::misbooks) writer.section("values");
    writer.put(1, 1);
    if (how_ == How::grows) writer.put(1, 1);
  }

 private:
  How how_;
};

class Decoder : public schemes::Decoder {
 public:
  Decoder(How how, Index d) : how_(how), d_(d) {}
  core::RowMatrixD attend(core::RowsViewD queries) const override {
    switch (how_) {
      case How::dies:
        _exit(7);
      case How::aborts:
        std::abort();
      case How::hangs:
        for (;;) pause();
      case How::answers_short:
        return core::RowMatrixD::Constant(queries.rows() - 1, d_, 0.5);
      case How::answers_nan:
        return core::RowMatrixD::Constant(queries.rows(), d_, std::nan(""));
      case How::throws:
        throw std::runtime_error("Bob is confused");
      default:
        return core::RowMatrixD::Constant(queries.rows(), d_, 0.5);
    }
  }

 private:
  How how_;
  Index d_;
};

class Cheat : public schemes::Scheme {
 public:
  Cheat(std::string name, How how) : name_(std::move(name)), how_(how) {}
  std::string name() const override { return name_; }
  std::string summary() const override { return "breaks the game, for tests"; }
  std::string paper() const override { return "-"; }
  std::string guarantee() const override { return "none"; }
  const core::OptionTable& options() const override { return core::table_of<core::NoOptions>(); }
  std::optional<core::Bits> message_bits(const PublicParams&) const override { return 1; }
  std::unique_ptr<schemes::Encoder> encoder(const PublicParams&) const override {
    return std::make_unique<Encoder>(how_);
  }
  std::unique_ptr<schemes::Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    reader.get(1);
    return std::make_unique<Decoder>(how_, params.d);
  }

 private:
  std::string name_;
  How how_;
};

struct Registered {
  Registered() {
    const std::pair<const char*, How> list[]{{"honest", How::honest},
                                             {"dies", How::dies},
                                             {"aborts", How::aborts},
                                             {"hangs", How::hangs},
                                             {"answers_short", How::answers_short},
                                             {"answers_nan", How::answers_nan},
                                             {"throws", How::throws},
                                             {"misbooks", How::misbooks},
                                             {"grows", How::grows},
                                             {"alice_throws", How::alice_throws}};
    for (const auto& [name, how] : list)
      schemes::Schemes::add(std::make_unique<Cheat>(std::string("cheat_e2e_") + name, how));
  }
};
const Registered registered;

sweep::Plan plan_of(const std::vector<std::string>& names, int trials) {
  Json config{{"experiment", "index_frontier"},
              {"grid", {{"n", 4}, {"d", 8}, {"scheme", names}}},
              {"queries", 8},
              {"stop", {{"max_trials", trials}}}};
  return sweep::make_plan(config);
}

sweep::RunOptions options_for(const Folder& folder, double bob_seconds = 60) {
  sweep::RunOptions options;
  options.out = folder.path() / "out";
  options.threads.count = 2;
  options.quiet = true;
  options.bob = {simulator::Isolation::always, bob_seconds};
  return options;
}

sweep::Store stored(const sweep::RunOptions& options) {
  return sweep::read_store(options.out, [](const std::string& text) { FAIL(text); });
}

}  // namespace

TEST_CASE("a Bob that dies, hangs, answers short or nonsense is a failed record, and the sweep goes on",
          "[end_to_end]") {
  const std::map<std::string, std::string> reasons{
      {"cheat_e2e_dies", "Bob died before he had answered in full"},
      {"cheat_e2e_aborts", "Bob crashed with signal 6"},
      {"cheat_e2e_answers_short", "numbers where 40 x 8 were asked for"},  // (8 queries + 16 + 16) x 8
      {"cheat_e2e_answers_nan", "not finite"},
      {"cheat_e2e_throws", "Bob is confused"},
      {"cheat_e2e_misbooks", "the sum of its ledger says 0"},
      {"cheat_e2e_grows", "the message has 2 bits, but the size formula says 1"},
      {"cheat_e2e_alice_throws", "Alice lost her notes"},
  };
  std::vector<std::string> names;
  for (const auto& [name, reason] : reasons) names.push_back(name);
  names.insert(names.begin() + 3, "bitpack");
  names.push_back("cheat_e2e_honest");
  const Folder folder;
  Json config = plan_of({"cheat_e2e_honest"}, 3).config;
  config["grid"]["scheme"] = names;
  config["grid"]["scheme"][3] = {{"name", "bitpack"}, {"bits", 40}};
  const auto plan = sweep::make_plan(config);
  REQUIRE(plan.points.size() == names.size());
  const auto options = options_for(folder);
  const auto outcome = sweep::run(plan, options);
  CHECK(outcome.points_done == std::ssize(names));
  CHECK(outcome.trials_measured == 3 * std::ssize(names));
  CHECK(outcome.failed == 3 * std::ssize(reasons));
  const auto store = stored(options);
  for (const auto& point : plan.points) {
    const std::string name = point.parameters.at("scheme").at("name");
    INFO(name);
    const auto records = store.counted_records(point.id);
    REQUIRE(records.size() == 3);
    for (const auto& record : records) {
      const auto reason = reasons.find(name);
      INFO(record.result.data.dump());
      CHECK(record.result.status == (reason == reasons.end() ? Status::ok : Status::failed));
      CHECK(sweep::game_of(record).label == name);  // of failed trials too
      if (reason != reasons.end()) CHECK_THAT(sweep::failure_of(record).reason, Contains(reason->second));
    }
    CHECK(store.stops.at(point.id).reason == (reasons.contains(name) ? "failed" : "max_trials"));
  }
}

TEST_CASE("a hanging Bob is killed at his deadline", "[end_to_end]") {
  const Folder folder;
  const auto plan = plan_of({"cheat_e2e_hangs", "cheat_e2e_honest"}, 2);
  const auto options = options_for(folder, 0.3);
  const auto outcome = sweep::run(plan, options);
  CHECK(outcome.failed == 2);
  CHECK(outcome.points_done == 2);
  for (const auto& record : stored(options).counted_records(plan.points[0].id)) {
    CHECK(record.result.status == Status::failed);
    CHECK_THAT(sweep::failure_of(record).reason, Contains("Bob did not answer within 0.3"));
  }
  CHECK(stored(options).counted_records(plan.points[1].id).size() == 2);
}

TEST_CASE("failed trials are kept, and measured again only when asked", "[end_to_end]") {
  const Folder folder;
  const auto plan = plan_of({"cheat_e2e_throws"}, 3);
  auto options = options_for(folder);
  CHECK(sweep::run(plan, options).trials_measured == 3);
  const auto again = sweep::run(plan, options);
  CHECK(again.trials_measured == 0);
  CHECK(again.trials_found == 3);
  CHECK(again.failed == 3);
  options.retry_failed = true;
  CHECK(sweep::run(plan, options).trials_measured == 3);
  CHECK(stored(options).record_count() == 3);  // of a trial that failed twice the first failure is kept

  // Once measured, a trial supersedes its failure, in whatever order they are read.
  const auto records = stored(options).counted_records(plan.points[0].id);
  sweep::Record measured = records[1];
  measured.result = sweep::result_of(simulator::GameRecord{});
  for (const bool failure_first : {true, false}) {
    sweep::Store store;
    store.add(failure_first ? records[1] : measured);
    store.add(failure_first ? measured : records[1]);
    CHECK(store.points.at(records[1].point).at(1).result.status == Status::ok);
  }
}

}  // namespace kvfrontier::end_to_end::cheats
