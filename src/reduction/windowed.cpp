// INDEX where Bob asks only for the newest tokens: the last maps, or the last tokens. A model whose attention is
// limited to them needs |U| d bits and no more, where U is the union of what it attends to.

#include <boost/random/uniform_int_distribution.hpp>

#include "core/errors.hpp"
#include "reduction/fair_bits.hpp"
#include "reduction/instance.hpp"

namespace kvfrontier::reduction::windowed {
namespace {

struct WindowedOptions {
  int maps = 1;
  std::optional<Index> tokens;

  static core::MemberList<WindowedOptions> members() {
    return {
        core::member("scales", &WindowedOptions::maps, "W, cached maps that are asked for, counted from the last")
            .range(1, 1000),
        core::member("tokens", &WindowedOptions::tokens, "ask for this many of the last tokens instead").range(1, 1e9)};
  }
};

// First token that is asked for.
Index window_start(const InstanceParams& params) {
  const WindowedOptions& options = params.options.as<WindowedOptions>();
  if (options.tokens) return params.tokens() - *options.tokens;
  return params.schedule.first_token(params.schedule.map_count() - options.maps);
}

class WindowedInstance : public Instance {
 public:
  using Instance::Instance;

  void values(Index first, core::RowsOutF out) const override {
    for (Index i = 0; i < out.rows(); ++i) write_fair_bits(coins().alice, first + i, out.row(i).data(), out.cols());
  }
  core::Bits information_bits() const override { return (params().tokens() - window_start(params())) * params().d; }
  std::vector<Index> queried_rows(Index count) const override {
    core::Stream stream(coins().bob, core::Purpose("queried rows"), 0);
    boost::random::uniform_int_distribution<Index> any(window_start(params()), params().tokens() - 1);
    std::vector<Index> rows(count);
    for (auto& row : rows) row = any(stream);
    return rows;
  }
};

class WindowedFamily : public InstanceFamily {
 public:
  std::string name() const override { return "windowed"; }
  std::string summary() const override {
    return "INDEX on the last maps or tokens only: the floor is |U| d bits for the |U| tokens that can be asked for";
  }
  std::string source() const override {
    return "structured sparsity: the bound holds for the union of supports of the step's queries";
  }
  const core::OptionTable& options() const override { return core::table_of<WindowedOptions>(); }
  void check(const InstanceParams& params, const std::string& path) const override {
    const WindowedOptions& options = params.options.as<WindowedOptions>();
    if (options.tokens.value_or(0) > params.tokens()) {
      throw core::ConfigError(core::join_path(path, "tokens"), std::to_string(*options.tokens),
                              "at most N = " + std::to_string(params.tokens()));
    }
    if (!options.tokens && options.maps > params.schedule.map_count()) {
      throw core::ConfigError(core::join_path(path, "scales"), std::to_string(options.maps),
                              "at most the " + std::to_string(params.schedule.map_count()) + " cached maps");
    }
  }
  std::unique_ptr<Instance> make(const InstanceParams& params, const TrialCoins& coins) const override {
    return std::make_unique<WindowedInstance>(params, coins);
  }
};

const core::Registration<InstanceFamily, WindowedFamily> registration;

}  // namespace
}  // namespace kvfrontier::reduction::windowed
