// INDEX where only the newest tokens are asked for: the last scales, or the last tokens. A model whose attention is
// limited to them needs |U| d bits and no more, U being the union of what it attends to.

#include <boost/random/uniform_int_distribution.hpp>

#include "core/errors.hpp"
#include "reduction/fair_bits.hpp"
#include "reduction/instance.hpp"

namespace kvfrontier::reduction::windowed {
namespace {

// First token that is asked for.
Index window_start(const InstanceParams& params) {
  const core::Json& tokens = params.options.at("tokens");
  if (!tokens.is_null()) return params.tokens() - tokens.get<Index>();
  return params.schedule.first_token(params.schedule.scales() - params.options.at("scales").get<int>());
}

class WindowedInstance : public Instance {
 public:
  using Instance::Instance;

  void values(Index first, core::RowsOutF out) const override {
    for (Index i = 0; i < out.rows(); ++i) write_fair_bits(coins().alice, first + i, out.row(i).data(), out.cols());
  }
  std::uint64_t information_bits() const override {
    return static_cast<std::uint64_t>((params().tokens() - window_start(params())) * params().d);
  }
  std::vector<Index> queried_rows(Index count) const override {
    core::Stream stream(coins().bob, core::Purpose("queried rows"), 0);
    boost::random::uniform_int_distribution<Index> any(window_start(params()), params().tokens() - 1);
    std::vector<Index> rows(static_cast<std::size_t>(count));
    for (auto& row : rows) row = any(stream);
    return rows;
  }
};

class WindowedFamily : public InstanceFamily {
 public:
  std::string name() const override { return "windowed"; }
  std::string summary() const override {
    return "INDEX on the last scales or tokens only: the floor is |U| d bits for the |U| tokens that can be asked for";
  }
  std::string source() const override {
    return "structured sparsity: the bound holds for the union of supports of the step's queries";
  }
  const core::OptionTable& options() const override {
    static const core::OptionTable table{
        core::Option::integer("scales", 1, 1, 1000, "W, cached scales that are asked for, counted from the last"),
        core::Option::integer("tokens", {}, 1, 1'000'000'000, "the last so many tokens instead")};
    return table;
  }
  void check(const InstanceParams& params, const std::string& path) const override {
    const core::Json &tokens = params.options.at("tokens"), &scales = params.options.at("scales");
    if (!tokens.is_null() && tokens.get<Index>() > params.tokens()) {
      throw core::ConfigError(core::join_path(path, "tokens"), tokens.dump(),
                              "at most N = " + std::to_string(params.tokens()));
    }
    if (tokens.is_null() && scales.get<int>() > params.schedule.scales()) {
      throw core::ConfigError(core::join_path(path, "scales"), scales.dump(),
                              "at most the " + std::to_string(params.schedule.scales()) + " cached scales");
    }
  }
  std::unique_ptr<Instance> make(const InstanceParams& params, const Coins& coins) const override {
    return std::make_unique<WindowedInstance>(params, coins);
  }
};

const core::Registration<InstanceFamily, WindowedFamily> registration;

}  // namespace
}  // namespace kvfrontier::reduction::windowed
