#include <boost/random/normal_distribution.hpp>
#include <cmath>

#include "../support/catch.hpp"
#include "core/rng.hpp"
#include "schemes/scheme.hpp"
#include "simulator/bob.hpp"
#include "theory/floor.hpp"

namespace kvfrontier::tests::ecsq {

using core::Index;
using core::Json;

namespace {

schemes::PublicParams params_of(std::vector<int> sides, Index d, const Json& options) {
  schemes::PublicParams params;
  params.schedule = geometry::Schedule("sides", std::move(sides));
  params.d = d;
  params.embedding = "sphere";
  params.tau = 1e5;  // a query sees one token only
  params.scheme = "ecsq";
  params.options = schemes::Schemes::find("ecsq", "scheme").options().resolve(options, "scheme");
  params.coins = {3};
  return params;
}

core::RowMatrixF normal_values(Index tokens, Index d) {
  core::Stream coins({7}, core::Purpose("test/ecsq"), 0);
  boost::random::normal_distribution<double> normal;
  core::RowMatrixF values(tokens, d);
  for (Index i = 0; i < values.size(); ++i) values.data()[i] = static_cast<float>(normal(coins));
  return values;
}

core::BitString message_of(const schemes::PublicParams& params, const core::RowMatrixF& values, int chunk = 64) {
  const auto encoder = schemes::Schemes::find("ecsq", "scheme").encoder(params);
  const core::RowMatrixF keys = core::RowMatrixF::Zero(chunk, params.d);
  for (Index first = 0; first < params.tokens(); first += chunk) {
    const Index count = std::min<Index>(chunk, params.tokens() - first);
    encoder->absorb({0, first, keys.topRows(count), values.middleRows(first, count)});
    core::BitWriter writer;
    encoder->write(writer);
    REQUIRE(writer.bits().size == encoder->state_bits());
  }
  REQUIRE(encoder->working_bits() == 0);
  core::BitWriter writer;
  encoder->write(writer);
  return writer.bits();
}

core::RowMatrixD reconstruction(const schemes::PublicParams& params, const core::BitString& message,
                                simulator::Isolation isolation = simulator::Isolation::never) {
  core::RowMatrixF keys(params.tokens(), params.d);
  params.keys().rows(params.coins, params.tokens(), 0, keys);
  return simulator::ask_bob(params, message, (1e5 * keys.cast<double>()).eval(), {isolation, 60});
}

}  // namespace

TEST_CASE("ecsq meets every budget to the bit", "[ecsq]") {
  const auto& scheme = schemes::Schemes::find("ecsq", "scheme");
  for (const char* trellis : {"none", "4"}) {
    for (const int block : {6, 14}) {
      auto params = params_of({1, 2, 4, 5}, 13, {{"trellis", trellis}, {"block", block}});
      core::RowMatrixF values = normal_values(21, 13);
      values(2, 3) = 1e30f;  // clipped
      values(1, 1) = -40.0f;
      for (core::Bits bits = 0; bits <= 2800; bits += bits < 60 ? 1 : 101) {
        params.options = scheme.fit(params, bits).options.value();
        const core::BitString message = message_of(params, values);
        REQUIRE(message.size == std::min<core::Bits>(bits, 2730));
        REQUIRE(message.size == scheme.message_bits(params));
        REQUIRE(message == message_of(params, values, 1));
        REQUIRE(reconstruction(params, message).cwiseAbs().maxCoeff() < 30);
        if (bits == 0) REQUIRE(reconstruction(params, message).isZero());
      }
    }
  }
}

TEST_CASE("ecsq lies above the Gaussian floor by the gap of its quantiser", "[ecsq][gap]") {
  const core::RowMatrixF values = normal_values(341, 64);
  for (const double rate : {0.5, 1.0, 2.0, 4.0}) {
    double previous = 10;
    for (const char* trellis : {"none", "8", "64"}) {
      const auto bits = static_cast<std::uint64_t>(rate * 341 * 64);
      const auto params = params_of({1, 2, 4, 8, 16, 17}, 64, {{"bits", bits}, {"trellis", trellis}});
      const core::BitString message = message_of(params, values);
      const core::RowMatrixD read = reconstruction(params, message);
      if (rate == 2.0) CHECK(read == reconstruction(params, message, simulator::Isolation::always));
      // The sample's own variance is the yardstick; .1 dB for it, the header and the grid of steps.
      const double relative = (read - values.cast<double>()).squaredNorm() / values.cast<double>().squaredNorm();
      const double gap = 10 * std::log10(relative / theory::gaussian_mse_floor(rate));
      CAPTURE(rate, trellis);
      CHECK(gap < (std::string(trellis) == "none" ? 1.63 : std::string(trellis) == "8" ? 0.65 : 0.5));
      CHECK(gap > 0);
      CHECK(gap < previous);
      previous = gap;
    }
  }
}

TEST_CASE("no bits crash the ecsq decoder", "[ecsq]") {
  const auto params = params_of({1, 2, 4, 5}, 16, {{"bits", 1000}, {"block", 6}});
  core::Stream coins({7}, core::Purpose("test/ecsq"), 1);
  core::BitString message = message_of(params, normal_values(21, 16));
  for (int trial = 0; trial < 30; ++trial) {
    for (auto& word : message.words) word = trial == 0 ? ~std::uint64_t{0} : coins.next64();
    message.words.back() &= (std::uint64_t{1} << 1000 % 64) - 1;
    CHECK(reconstruction(params, message).cwiseAbs().maxCoeff() < 200);
  }
  message.size = 999;
  CHECK_THROWS(reconstruction(params, message));
}

}  // namespace kvfrontier::tests::ecsq
