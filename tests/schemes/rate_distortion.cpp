#include <cmath>
#include <memory>
#include <vector>

#include "../support/catch.hpp"
#include "core/errors.hpp"
#include "core/rng.hpp"
#include "reduction/instance.hpp"
#include "schemes/scheme.hpp"
#include "simulator/bob.hpp"
#include "simulator/message.hpp"
#include "theory/floor.hpp"

namespace kvfrontier::tests::rate_distortion {

using core::Index;
using core::Json;

namespace {

// Sides whose cached maps are small: N = 1, 5, 10 (1 + 9), 21.
struct Shape {
  std::vector<int> sides;
  Index d;
};

schemes::PublicParams params_of(const Shape& shape, const Json& options, std::uint64_t key = 1, int chunk = 64) {
  schemes::PublicParams params;
  params.schedule = geometry::Schedule("sides", shape.sides);
  params.d = shape.d;
  params.embedding = "sphere";
  params.tau = 40;
  params.chunk = chunk;
  params.scheme = "rate_distortion";
  params.options = schemes::Schemes::find("rate_distortion", "scheme").options().resolve(options, "scheme");
  params.coins = {key};
  return params;
}

std::unique_ptr<reduction::Instance> instance_of(const schemes::PublicParams& params) {
  reduction::InstanceParams instance;
  instance.schedule = params.schedule;
  instance.d = params.d;
  instance.embedding = params.embedding;
  return reduction::make_instance(instance, {params.coins, {params.coins.value + 1}, {params.coins.value + 2}});
}

// The message on `values` (N x d), and how long it said it would be half way.
core::BitString message_of(const schemes::PublicParams& params, const core::RowMatrixF& values) {
  const auto encoder = schemes::Schemes::find(params.scheme, "scheme").encoder(params);
  const core::RowMatrixF keys = core::RowMatrixF::Zero(params.chunk, params.d);
  for (Index first = 0; first < params.tokens(); first += params.chunk) {
    const Index count = std::min<Index>(params.chunk, params.tokens() - first);
    encoder->absorb({0, first, keys.topRows(count), values.middleRows(first, count)});
    core::BitWriter writer;
    encoder->write(writer);
    REQUIRE(writer.bits().size == encoder->state_bits());
    REQUIRE(encoder->working_bits() <= 2 * params.tokens() * params.d);
  }
  REQUIRE(encoder->working_bits() == 0);
  core::BitWriter writer;
  encoder->write(writer);
  return writer.bits();
}

// What Bob makes of every token's row when the scaling is so large that a query sees one token only.
core::RowMatrixD reconstruction(const schemes::PublicParams& params, const core::BitString& message) {
  core::RowMatrixF keys(params.tokens(), params.d);
  params.keys().rows(params.coins, params.tokens(), 0, keys);
  const auto decoder = schemes::Schemes::find(params.scheme, "scheme").decoder(params, core::BitReader(message));
  return decoder->attend((1e5 * keys.cast<double>()).eval());
}

core::RowMatrixF fair_values(Index tokens, Index d, std::uint64_t seed) {
  core::RowMatrixF values(tokens, d);
  core::Stream coins({seed}, core::Purpose("test/rate_distortion"), 0);
  for (Index i = 0; i < values.size(); ++i) values.data()[i] = static_cast<float>(coins() >> 31);
  return values;
}

}  // namespace

TEST_CASE("every total from nothing to everything is a message of that length", "[rate_distortion]") {
  for (const Shape& shape :
       {Shape{{1, 2}, 1}, Shape{{1, 2}, 5}, Shape{{1, 2, 3}, 3}, Shape{{1, 3, 4}, 7}, Shape{{1, 2, 4, 5}, 13}}) {
    for (const int block : {0, 3, 16}) {
      auto params = params_of(shape, {{"block", block}});
      const auto& scheme = schemes::Schemes::find("rate_distortion", "scheme");
      const core::Bits m = params.tokens() * params.d;
      const core::RowMatrixF values = fair_values(params.tokens(), params.d, 3);
      for (core::Bits bits = 0; bits <= m; ++bits) {
        params.options = scheme.fit(params, bits).options.value();
        REQUIRE(scheme.message_bits(params) == bits);
        const core::BitString message = message_of(params, values);
        REQUIRE(message.size == bits);
        const core::RowMatrixD read = reconstruction(params, message);
        const double error = (read - values.cast<double>()).cwiseAbs().mean();
        // A block on its own can err more than half its bits; the zero-bit message does so half the time.
        REQUIRE(error <= 1);
        if (bits == m) REQUIRE(error < 1e-9);
      }
      CHECK(scheme.fit(params, m + 5).options.value().to_json().at("bits") == m);
    }
  }
}

TEST_CASE("the message does not depend on how the stream is cut, and decodes in a process of its own",
          "[rate_distortion]") {
  const Shape shape{{1, 2, 4, 8, 9}, 17};
  for (const Json& options :
       {Json{{"bits", 700}}, Json{{"bits", 700}, {"block", 7}}, Json{{"bits", 300}, {"block", 6}, {"list", 4}},
        Json{{"bits", 700}, {"values", "means"}}}) {
    const auto params = params_of(shape, options);
    const auto instance = instance_of(params);
    const simulator::Message message = simulator::encode(params, *instance);
    CHECK(message.bits.size == params.options.to_json().at("bits"));
    for (const int chunk : {1, 5}) {
      auto cut = params;
      cut.chunk = chunk;
      CHECK(simulator::encode(cut, *instance).bits == message.bits);
    }
    core::RowMatrixF keys(params.tokens(), params.d);
    instance->keys(0, keys);
    const core::RowMatrixD queries = 40 * keys.cast<double>();
    const core::RowMatrixD isolated =
        simulator::ask_bob(params, message.bits, queries, {simulator::Isolation::always, 60});
    const core::RowMatrixD here = simulator::ask_bob(params, message.bits, queries, {simulator::Isolation::never, 60});
    CHECK(isolated == here);

    core::BitString cut_short = message.bits;
    cut_short.size -= 1;
    CHECK_THROWS_AS(simulator::ask_bob(params, cut_short, queries, {simulator::Isolation::never, 60}),
                    simulator::GameError);
  }
}

TEST_CASE("all indices err alike, for a fixed input", "[rate_distortion]") {
  // m = 5 * 29 = 145 entries in blocks of 32, 32, 32, 49: lengths with and without granules, unequal rates. The input
  // is fixed; only public coins change, so without the dither or without the shift the counts would differ by far more.
  const Shape shape{{1, 2, 3}, 29};
  const core::RowMatrixF ones = core::RowMatrixF::Ones(5, 29), fair = fair_values(5, 29, 5);
  for (const core::RowMatrixF* values : {&ones, &fair}) {
    for (const int list : {1, 4}) {
      const int trials = 2000;
      core::RowMatrixD errors = core::RowMatrixD::Zero(5, 29);
      for (int t = 0; t < trials; ++t) {
        const auto params =
            params_of(shape, {{"bits", 60}, {"block", 5}, {"list", list}}, static_cast<std::uint64_t>(100 + t));
        errors += (reconstruction(params, message_of(params, *values)) - values->cast<double>()).cwiseAbs();
      }
      const double p = errors.mean() / trials, m = static_cast<double>(errors.size());
      const double chi_square = (errors.array() - trials * p).square().sum() / (trials * p * (1 - p));
      // Mean m - 1, standard deviation about sqrt(2 m) = 17.
      CHECK(chi_square < m + 3 * std::sqrt(2 * m));
      CHECK(chi_square > m - 4 * std::sqrt(2 * m));
      CHECK(theory::entropy_floor_bits(m, p) < 60);
    }
  }
}

TEST_CASE("means have less squared error than bits, and the same decisions", "[rate_distortion]") {
  const Shape shape{{1, 2, 4, 8, 9}, 16};
  const core::RowMatrixF values = fair_values(85, 16, 8);
  const auto as_bits = params_of(shape, {{"bits", 340}}),
             as_means = params_of(shape, {{"bits", 340}, {"values", "means"}});
  const core::BitString message = message_of(as_bits, values);
  CHECK(message == message_of(as_means, values));
  const core::RowMatrixD bits = reconstruction(as_bits, message), means = reconstruction(as_means, message);
  CHECK(((bits.array() > 0.5) == (means.array() > 0.5)).all());
  const double error = (bits - values.cast<double>()).squaredNorm(),
               mean_error = (means - values.cast<double>()).squaredNorm();
  CHECK(mean_error < 0.9 * error);
}

TEST_CASE("blocks are streamed: the unfinished ones are working memory", "[rate_distortion]") {
  const auto params = params_of({{1, 2, 4, 8, 16, 17}, 16}, {{"bits", 2728}, {"block", 6}}, 1, 16);
  const auto instance = instance_of(params);
  // m = 5456 in blocks of 64 and a last one of less than 128: at most two are open, one of them where the shift begins.
  CHECK(simulator::encode(params, *instance).peak_state_bits <= 2728 + 64 + 128);
}

TEST_CASE("stored keys that no coin generates are refused", "[rate_distortion]") {
  auto params = params_of({{1, 2}, 4}, Json::object());
  params.keys_are_public = false;
  CHECK_THROWS_AS(schemes::Schemes::find("rate_distortion", "scheme").check(params, "scheme"), core::ConfigError);
}

}  // namespace kvfrontier::tests::rate_distortion
