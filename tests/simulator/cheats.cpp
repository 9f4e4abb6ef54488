// Planted cheats, each caught by the guard that is meant for it, and each shown to work where that guard is not.

#include "cheats.hpp"

#include "../support/catch.hpp"
#include "../support/game.hpp"
#include "core/errors.hpp"
#include "core/statistics.hpp"

namespace kvfrontier::tests {
enum class Lie { none, ledger, state, formula };
enum class Place { global, thread, in_static };
enum class Way { count, honest };
}  // namespace kvfrontier::tests
template <>
struct kvfrontier::core::EnumNames<kvfrontier::tests::Lie> {
  static constexpr std::array names{"none", "ledger", "state", "formula"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::tests::Place> {
  static constexpr std::array names{"global", "thread", "static"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::tests::Way> {
  static constexpr std::array names{"count", "honest"};
};

using namespace kvfrontier;
using namespace kvfrontier::tests;
using core::RowMatrixD;
using core::RowMatrixF;
using simulator::Isolation;

namespace {

// --- (a) Books that do not balance. ---------------------------------------------------------------------------------

struct BooksOptions {
  Lie lie = Lie::none;
  static core::MemberList<BooksOptions> members() { return {core::member("lie", &BooksOptions::lie, "what is false")}; }
};
struct GlobalOptions {
  Place place = Place::global;
  static core::MemberList<GlobalOptions> members() {
    return {core::member("place", &GlobalOptions::place, "where the values are left")};
  }
};
struct LengthOptions {
  Way way = Way::count;
  static core::MemberList<LengthOptions> members() {
    return {core::member("way", &LengthOptions::way, "how the end is found")};
  }
};

// One bit per value entry, and a false word about their number.
class BooksEncoder : public schemes::Encoder {
 public:
  explicit BooksEncoder(Lie lie) : lie_(lie) {}
  void absorb(const schemes::TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i) {
      for (Index c = 0; c < block.values.cols(); ++c) bits_.push_back(block.values(i, c) > 0.5f);
    }
  }
  core::Bits state_bits() const override { return std::ssize(bits_) - (lie_ == Lie::state ? 1 : 0); }
  void write(core::BitWriter& writer) const override {
    // The first half goes into no book.
    for (std::size_t i = 0; i < bits_.size(); ++i) {
      if (i == (lie_ == Lie::ledger ? bits_.size() / 2 : 0)) writer.section("values");
      writer.put(bits_[i], 1);
    }
  }

 private:
  Lie lie_;
  std::vector<bool> bits_;
};

class Books : public Cheat {
 public:
  std::string name() const override { return "cheat_books"; }
  const core::OptionTable& options() const override { return core::table_of<BooksOptions>(); }
  std::optional<core::Bits> message_bits(const schemes::PublicParams& params) const override {
    return entries(params) - (params.options.as<BooksOptions>().lie == Lie::formula ? 1 : 0);
  }
  std::unique_ptr<schemes::Encoder> encoder(const schemes::PublicParams& params) const override {
    return std::make_unique<BooksEncoder>(params.options.as<BooksOptions>().lie);
  }
  std::unique_ptr<schemes::Decoder> decoder(const schemes::PublicParams& params,
                                            core::BitReader reader) const override {
    for (core::Bits i = 0; i < entries(params); ++i) reader.get(1);
    return answering(
        [](core::RowsViewD queries) { return RowMatrixD(RowMatrixD::Zero(queries.rows(), queries.cols())); });
  }
};
const core::Registration<schemes::Scheme, Books> books;

// --- (b) Values left in a global. -----------------------------------------------------------------------------------

RowMatrixF left_behind;                    // a plain global
thread_local RowMatrixF left_in_thread;    // and one of the thread, which is the same thread when nothing isolates
RowMatrixF& cached(Index rows, Index d) {  // and a cache inside a function
  static RowMatrixF cache;
  if (rows > 0) cache.resize(rows, d);
  return cache;
}

class GlobalEncoder : public schemes::Encoder {
 public:
  GlobalEncoder(const schemes::PublicParams& params) {
    left_behind.resize(params.tokens(), params.d);
    left_in_thread.resize(params.tokens(), params.d);
    cached(params.tokens(), params.d);
  }
  void absorb(const schemes::TokenBlock& block) override {
    for (RowMatrixF* place : {&left_behind, &left_in_thread, &cached(0, 0)})
      place->middleRows(block.first, block.count()) = block.values;
  }
  core::Bits state_bits() const override { return 0; }
  void write(core::BitWriter&) const override {}
};

// An empty message; the decoder looks for the row whose public key the query points at.
class Global : public Cheat {
 public:
  std::string name() const override { return "cheat_global"; }
  const core::OptionTable& options() const override { return core::table_of<GlobalOptions>(); }
  std::optional<core::Bits> message_bits(const schemes::PublicParams&) const override { return 0; }
  std::unique_ptr<schemes::Encoder> encoder(const schemes::PublicParams& params) const override {
    return std::make_unique<GlobalEncoder>(params);
  }
  std::unique_ptr<schemes::Decoder> decoder(const schemes::PublicParams& params, core::BitReader) const override {
    return answering([params](core::RowsViewD queries) {
      const Place place = params.options.as<GlobalOptions>().place;
      const RowMatrixF& values = place == Place::global   ? left_behind
                                 : place == Place::thread ? left_in_thread
                                                          : cached(0, 0);
      RowMatrixF keys(params.tokens(), params.d);
      params.keys().rows(params.coins, params.tokens(), 0, keys);
      RowMatrixD answers = RowMatrixD::Constant(queries.rows(), params.d, 0.5);
      for (Index q = 0; q < queries.rows(); ++q) {
        Index nearest = 0;
        (keys.cast<double>() * queries.row(q).transpose()).maxCoeff(&nearest);
        if (values.rows() == params.tokens()) answers.row(q) = values.row(nearest).cast<double>();
      }
      return answers;
    });
  }
};
const core::Registration<schemes::Scheme, Global> global;

// --- (d) Bits hidden in the length. ---------------------------------------------------------------------------------

// The first eight value bits of row 0 as a number L; L + 1 zero bits are sent. `honest` ends them with a one instead
// and reads up to it: the same length, and self-delimiting as it should be.
class LengthEncoder : public schemes::Encoder {
 public:
  explicit LengthEncoder(bool honest) : honest_(honest) {}
  void absorb(const schemes::TokenBlock& block) override {
    if (block.first > 0) return;
    for (Index c = 0; c < std::min<Index>(8, block.values.cols()); ++c)
      number_ |= (block.values(0, c) > 0.5f ? 1u : 0u) << c;
  }
  core::Bits state_bits() const override { return number_ + 1; }
  void write(core::BitWriter& writer) const override {
    writer.section("values");
    for (unsigned i = 0; i < number_; ++i) writer.put(0, 1);
    writer.put(honest_ ? 1 : 0, 1);
  }

 private:
  bool honest_;
  unsigned number_ = 0;
};

class Length : public Cheat {
 public:
  std::string name() const override { return "cheat_length"; }
  const core::OptionTable& options() const override { return core::table_of<LengthOptions>(); }
  bool fixed_length() const override { return false; }
  std::optional<core::Bits> message_bits(const schemes::PublicParams&) const override { return std::nullopt; }
  std::unique_ptr<schemes::Encoder> encoder(const schemes::PublicParams& params) const override {
    return std::make_unique<LengthEncoder>(params.options.as<LengthOptions>().way == Way::honest);
  }
  std::unique_ptr<schemes::Decoder> decoder(const schemes::PublicParams& params,
                                            core::BitReader reader) const override {
    unsigned number = 0;
    if (params.options.as<LengthOptions>().way == Way::honest) {
      while (reader.get(1) == 0) ++number;
    } else {
      try {
        for (;; ++number) reader.get(1);
      } catch (const core::DataError&) {
        --number;  // the length is known now
      }
    }
    return answering([number](core::RowsViewD queries) {
      RowMatrixD answers = RowMatrixD::Zero(queries.rows(), queries.cols());
      for (Index c = 0; c < std::min<Index>(8, queries.cols()); ++c) answers.col(c).setConstant(number >> c & 1);
      return answers;
    });
  }
};
const core::Registration<schemes::Scheme, Length> length;

RowMatrixD row_queries(const reduction::Instance& instance, double tau, const std::vector<Index>& rows) {
  const RowMatrixF keys = all_keys(instance);
  RowMatrixD queries(static_cast<Index>(rows.size()), keys.cols());
  for (std::size_t q = 0; q < rows.size(); ++q)
    queries.row(static_cast<Index>(q)) = tau * keys.row(rows[q]).cast<double>();
  return queries;
}

double row_errors(const RowMatrixD& answers, const reduction::Instance& instance, const std::vector<Index>& rows) {
  const RowMatrixF values = all_values(instance);
  double sum = 0;
  for (std::size_t q = 0; q < rows.size(); ++q) {
    sum += ((answers.row(static_cast<Index>(q)).array() > 0.5) != (values.row(rows[q]).array() > 0.5f))
               .cast<double>()
               .mean();
  }
  return sum;
}

}  // namespace

TEST_CASE("a ledger that does not add up to the message ends the game", "[cheats]") {
  const auto instance = index_instance(instance_params(sides({1, 2, 4}), 10), 0);
  const auto play_with = [&](const char* lie) {
    return simulator::encode(params_of(*instance, "cheat_books", {{"lie", lie}}, 5), *instance);
  };
  CHECK(play_with("none").bits.size == 50);
  CHECK_THROWS_AS(play_with("ledger"), simulator::GameError);
  CHECK_THROWS_WITH(play_with("ledger"), "the message has 50 bits, but the sum of its ledger says 25");
  CHECK_THROWS_WITH(play_with("state"), "the message has 50 bits, but the encoder's state_bits() says 49");
  CHECK_THROWS_WITH(play_with("formula"), "the message has 50 bits, but the size formula says 49");
}

// The interval is at 1 - 1e-5, two places at a time; 40 trials of 21 rows make it about 0.03 to either side.
TEST_CASE("values left in a global are of no use to an isolated Bob", "[cheats]") {
  constexpr int trials = 40;
  const auto params = instance_params(sides({1, 2, 4, 8}), 48);
  for (const char* place : {"global", "static", "thread"}) {
    std::vector<core::TrialErrors> isolated, in_place;
    for (std::uint64_t trial = 0; trial < trials; ++trial) {
      const auto instance = index_instance(params, trial);
      const auto game = params_of(*instance, "cheat_global", {{"place", place}}, 8);
      const auto message = simulator::encode(game, *instance);
      CHECK(message.bits.size == 0);
      const auto rows = instance->queried_rows(21);
      const RowMatrixD queries = row_queries(*instance, 8, rows);
      isolated.push_back(
          {row_errors(simulator::ask_bob(game, message.bits, queries, {Isolation::always, 60}), *instance, rows), 21});
      in_place.push_back(
          {row_errors(simulator::ask_bob(game, message.bits, queries, {Isolation::never, 60}), *instance, rows), 21});
    }
    const core::Interval interval = core::error_interval(isolated, 1 - 1e-5);
    CAPTURE(place, interval.lo, interval.hi);
    CHECK(interval.lo <= 0.5);
    CHECK(0.5 <= interval.hi);
    CHECK(interval.lo > 0.4);
    CHECK(interval.hi < 0.6);
    // Without isolation the cheat works: no error at no bits.
    for (const core::TrialErrors& trial : in_place) CHECK(trial.row_errors == 0);
  }
}

TEST_CASE("a decoder that reads on until the end to learn the length loses by DataError", "[cheats]") {
  for (std::uint64_t trial = 0; trial < 5; ++trial) {
    const auto instance = index_instance(instance_params(sides({1, 2, 4}), 8), trial);
    const RowMatrixD queries = row_queries(*instance, 5, {0});
    const auto cheat = params_of(*instance, "cheat_length", {{"way", "count"}}, 5);
    const auto message = simulator::encode(cheat, *instance);

    // It would work: without the guard the decoder has the eight bits of row 0, and all bits sent are zero.
    const auto decoder = schemes::Schemes::find("cheat_length", "scheme").decoder(cheat, core::BitReader(message.bits));
    CHECK(row_errors(decoder->attend(queries), *instance, {0}) == 0);
    for (const std::uint64_t word : message.bits.words) CHECK(word == 0);

    for (const Isolation isolation : {Isolation::always, Isolation::never}) {
      CHECK_THROWS_AS(simulator::ask_bob(cheat, message.bits, queries, {isolation, 60}), simulator::GameError);
      CHECK_THROWS_WITH(simulator::ask_bob(cheat, message.bits, queries, {isolation, 60}),
                        "DataError: the decoder read past the end of the message and went on");
      // A self-delimiting message of the same length is no cheat.
      const auto honest = params_of(*instance, "cheat_length", {{"way", "honest"}}, 5);
      const auto fair = simulator::encode(honest, *instance);
      CHECK(fair.bits.size == message.bits.size);
      CHECK(row_errors(simulator::ask_bob(honest, fair.bits, queries, {isolation, 60}), *instance, {0}) == 0);
      // And one that lost its end is told.
      core::BitString cut = fair.bits;
      cut.words[(cut.size - 1) / 64] &= ~(std::uint64_t{1} << (cut.size - 1) % 64);
      CHECK_THROWS_WITH(simulator::ask_bob(honest, cut, queries, {isolation, 60}),
                        Catch::Matchers::StartsWith("DataError: the message ends too early"));
    }
  }
}
