// Times how fast every scheme absorbs tokens on one core: schemes [N_SIDE [RATE]]. INDEX instances of width 64 with
// sphere keys on the doubling schedule, default options, sizes fitted to RATE bits a value entry. Prints a table with
// the goal of 1e5 tokens a second beside it; what writing the message takes is counted, as it may hold work put off.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>

#include "core/errors.hpp"
#include "reduction/instance.hpp"
#include "schemes/scheme.hpp"

namespace {

using namespace kvfrontier;
using core::Index;

constexpr Index width = 64;
constexpr double goal = 1e5;
constexpr int repeats = 3;

double absorb_seconds(const schemes::Scheme& scheme, const schemes::PublicParams& params, const core::RowMatrixF& keys,
                      const core::RowMatrixF& values) {
  const auto start = std::chrono::steady_clock::now();
  const auto encoder = scheme.encoder(params);
  for (int scale = 0; scale < params.schedule.scales(); ++scale) {
    const Index end = params.schedule.first_token(scale + 1);
    for (Index first = params.schedule.first_token(scale); first < end; first += params.chunk) {
      const Index count = std::min<Index>(params.chunk, end - first);
      encoder->absorb({scale, first, keys.middleRows(first, count), values.middleRows(first, count)});
    }
  }
  core::BitWriter writer;
  encoder->write(writer);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  const int side = argc > 1 ? std::atoi(argv[1]) : 128;
  const double rate = argc > 2 ? std::atof(argv[2]) : 2;
  reduction::InstanceParams instance_params;
  instance_params.schedule = geometry::Schedule::named("doubling", side);
  instance_params.d = width;
  const auto coins = reduction::Coins::derive(1, instance_params, 0);
  const auto instance = reduction::make_instance(instance_params, coins);
  const Index tokens = instance_params.tokens();
  core::RowMatrixF keys(tokens, width), values(tokens, width);
  instance->keys(0, keys);
  instance->values(0, values);

  std::printf("N = %ld, d = %ld, %g bits a value entry, best of %d; goal %.0e tokens/s\n", static_cast<long>(tokens),
              static_cast<long>(width), rate, repeats, goal);
  for (const std::string& name : schemes::Schemes::names()) {
    const schemes::Scheme& scheme = schemes::Schemes::find(name, "scheme");
    schemes::PublicParams params;
    params.schedule = instance_params.schedule;
    params.d = width;
    params.embedding = instance_params.embedding;
    params.tau = 16;
    params.scheme = name;
    params.key = coins.open;
    params.options = scheme.options().resolve(core::Json::object(), "scheme");
    try {
      scheme.check(params, "scheme");
      if (scheme.options().has_size()) {
        const auto budget = static_cast<std::uint64_t>(rate * static_cast<double>(tokens * width));
        const schemes::Fit fit = scheme.fit(params, std::max(budget, scheme.fit(params, 0).least_bits));
        params.options = fit.options.value();
      }
    } catch (const core::ConfigError&) {
      std::printf("%-16s needs another instance\n", name.c_str());
      continue;
    }
    double best = std::numeric_limits<double>::infinity();
    for (int repeat = 0; repeat < repeats; ++repeat)
      best = std::min(best, absorb_seconds(scheme, params, keys, values));
    const double speed = static_cast<double>(tokens) / best;
    std::printf("%-16s %9.3g tokens/s  %6.2f of the goal  %s\n", name.c_str(), speed, speed / goal,
                params.options.dump().c_str());
    std::fflush(stdout);
  }
  return 0;
}
