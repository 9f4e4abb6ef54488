// Eviction with a memory of what it dropped: evicted tokens are added to a kernel state H = sum psi(k) v^T,
// z = sum psi(k) of R features, which answers beside the kept tokens. The published features are trained; here they are
// positive random features of the exponential kernel, exp(<q,k>) = E phi(q) phi(k).

#include <algorithm>
#include <boost/random/normal_distribution.hpp>
#include <cmath>
#include <limits>
#include <utility>
#include <variant>
#include <vector>

#include "attention/attention.hpp"
#include "core/rng.hpp"
#include "schemes/codec/eviction.hpp"
#include "schemes/codec/kept_rows.hpp"

namespace kvfrontier::schemes::less {
namespace {

using Policy = std::variant<HeavyHitters, SinksAndWindow>;

constexpr Index sinks = 4;  // as published for streaming_llm

Index kept(const PublicParams& params) {
  return params.options.at("kept").get<Index>();
}
Index held(const PublicParams& params) {
  return std::min(kept(params), params.tokens());
}
Index features(const PublicParams& params) {
  return params.options.at("features").get<Index>();
}

Policy policy_of(const PublicParams& params) {
  const Index rows = kept(params);
  if (params.options.at("policy") == "streaming_llm") {
    const Index first = std::min(sinks, rows);
    return SinksAndWindow(first, rows - first);
  }
  return HeavyHitters(params, rows - rows / 2, rows / 2, false);
}

// Bits of the state: one scale, H, and z unless Bob can sum it from public keys.
std::uint64_t state_size(const PublicParams& params, Index count) {
  return count == 0 ? 0 : static_cast<std::uint64_t>(32 + 32 * count * (params.d + (stores_keys(params) ? 1 : 0)));
}

// phi_r(x) = exp(<w_r, x> - |x|^2/2)/sqrt(R) with public Gaussian w_r; keys stand at sqrt(tau) k and queries at
// q/sqrt(tau), so that both have about the same length.
class Features {
 public:
  Features(const PublicParams& params, Index count)
      : scale_(params.tau > 0 ? std::sqrt(params.tau) : 1), directions_(count, params.d) {
    for (Index r = 0; r < count; ++r) {
      core::Stream stream(params.key, core::Purpose("less/features"), static_cast<std::uint64_t>(r));
      boost::random::normal_distribution<double> normal;
      for (Index c = 0; c < params.d; ++c) directions_(r, c) = normal(stream);
    }
  }
  Eigen::VectorXd log_of_key(const Eigen::VectorXd& key) const { return log_of(scale_ * key); }
  Eigen::VectorXd log_of_query(const Eigen::VectorXd& query) const { return log_of(query / scale_); }
  Index count() const { return directions_.rows(); }
  Index width() const { return directions_.cols(); }

 private:
  Eigen::VectorXd log_of(const Eigen::VectorXd& x) const {
    const double shift = x.squaredNorm() / 2 + std::log(static_cast<double>(count())) / 2;
    return ((directions_ * x).array() - shift).matrix();
  }
  double scale_;
  core::RowMatrixD directions_;
};

// H and z in units of exp(log_unit), which is the largest feature so far: no sum overflows.
class KernelState {
 public:
  KernelState(const PublicParams& params, Index value_width)
      : features_(params, features(params)),
        values_(core::RowMatrixD::Zero(features_.count(), value_width)),
        masses_(Eigen::VectorXd::Zero(features_.count())) {}

  void add(const float* key, const float* value) {
    if (features_.count() == 0) return;
    const Eigen::VectorXd logs =
        features_.log_of_key(Eigen::Map<const Eigen::VectorXf>(key, features_.width()).cast<double>());
    if (const auto most = static_cast<float>(logs.maxCoeff()); empty_ || most > log_unit_) {
      const double shrink = empty_ ? 0 : std::exp(static_cast<double>(log_unit_) - static_cast<double>(most));
      values_ *= shrink;
      masses_ *= shrink;
      log_unit_ = most;
      empty_ = false;
    }
    const Eigen::VectorXd weights = (logs.array() - static_cast<double>(log_unit_)).exp();
    masses_ += weights;
    values_.noalias() += weights * Eigen::Map<const Eigen::RowVectorXf>(value, values_.cols()).cast<double>();
  }

  const Features& kernel() const { return features_; }
  float log_unit() const { return log_unit_; }
  const core::RowMatrixD& values() const { return values_; }
  const Eigen::VectorXd& masses() const { return masses_; }

 private:
  Features features_;
  core::RowMatrixD values_;  // H, R x value width
  Eigen::VectorXd masses_;   // z
  float log_unit_ = 0;
  bool empty_ = true;
};

class LessEncoder : public Encoder {
 public:
  explicit LessEncoder(const PublicParams& params)
      : params_(params),
        rows_(RowFormat::of(params), held(params)),
        policy_(policy_of(params)),
        state_(params, params.d),
        public_keys_(stores_keys(params) ? 0 : held(params), params.d),
        key_(static_cast<std::size_t>(params.d)),
        value_(static_cast<std::size_t>(params.d)) {}

  void absorb(const TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i) {
      const Index token = block.first + i;
      round(block.keys.row(i).data(), block.values.row(i).data());
      const Index slot = std::visit([&](auto& policy) { return policy.offer(token, key_.data()); }, policy_);
      if (slot < 0) {
        state_.add(key_.data(), value_.data());
      } else if (slot == rows_.count()) {
        rows_.add(token, key_.data(), value_.data());
      } else {
        state_.add(public_keys_.rows() > 0 ? public_keys_.row(slot).data() : rows_.key(slot), rows_.value(slot));
        rows_.replace(slot, token, key_.data(), value_.data());
      }
      if (slot >= 0 && public_keys_.rows() > 0)
        public_keys_.row(slot) = Eigen::Map<const Eigen::RowVectorXf>(key_.data(), params_.d);
    }
  }
  std::uint64_t state_bits() const override { return rows_.bits() + state_size(params_, features(params_)); }
  // A score for every kept token, where there are scores.
  std::uint64_t working_bits() const override {
    return std::holds_alternative<HeavyHitters>(policy_) ? 32 * static_cast<std::uint64_t>(rows_.count()) : 0;
  }

  void write(core::BitWriter& writer) const override {
    rows_.write(writer);
    if (features(params_) == 0) return;
    writer.section("kernel state");
    const float log_unit = state_.log_unit();
    core::put_floats(writer, core::FloatFormat::fp32, &log_unit, 1);
    const core::RowMatrixF values = state_.values().cast<float>();
    core::put_floats(writer, core::FloatFormat::fp32, values.data(), static_cast<std::size_t>(values.size()));
    if (!stores_keys(params_)) return;
    const Eigen::VectorXf masses = state_.masses().cast<float>();
    core::put_floats(writer, core::FloatFormat::fp32, masses.data(), static_cast<std::size_t>(masses.size()));
  }

 private:
  // Policy and state see what the cache has stored; public keys are known as they are.
  void round(const float* key, const float* value) {
    const core::FloatFormat format = RowFormat::of(params_).format;
    core::store_floats(stores_keys(params_) ? format : core::FloatFormat::fp32, key, key_.data(), key_.size());
    core::store_floats(format, value, value_.data(), value_.size());
  }

  PublicParams params_;
  KeptRows rows_;
  Policy policy_;
  KernelState state_;
  core::RowMatrixF public_keys_;  // of the slots, where rows_ has none
  std::vector<float> key_, value_;
};

class LessDecoder : public Decoder {
 public:
  LessDecoder(const PublicParams& params, core::BitReader reader) : state_(params, 0) {
    std::vector<Index> tokens;
    if (!stores_keys(params)) {
      tokens = replayed(params);
      keys_ = public_keys(params, tokens);
    }
    read(params, reader);
  }

  core::RowMatrixD attend(core::RowsViewD queries) const override {
    attention::SoftmaxAttention<double> attention(queries, values_.cols());
    attention.absorb(keys_.cast<double>().eval(), values_.cast<double>().eval());
    core::RowMatrixD answers = attention.result();
    const Eigen::VectorXd kept_logs = attention.log_partition();
    if (masses_.size() == 0) return answers;
    for (Index i = 0; i < queries.rows(); ++i) {
      const Eigen::ArrayXd logs =
          state_.kernel().log_of_query(queries.row(i).transpose()).array() + static_cast<double>(log_unit_);
      // A feature of no mass has met no token.
      const Eigen::ArrayXd mass_logs = logs + masses_.array().log();
      const double most = std::max(kept_logs[i], mass_logs.maxCoeff());
      if (most == -std::numeric_limits<double>::infinity()) continue;
      const Eigen::ArrayXd weights = (masses_.array() > 0).select((logs - most).exp(), 0.0);
      const double kept = std::exp(kept_logs[i] - most), total = kept + (mass_logs - most).exp().sum();
      answers.row(i) = (kept * answers.row(i) + weights.matrix().transpose() * sums_) / total;
    }
    return answers;
  }

 private:
  // Runs the policy on public keys, as Alice does: the kept tokens, and the masses of the state.
  std::vector<Index> replayed(const PublicParams& params) {
    Policy policy = policy_of(params);
    core::RowMatrixF key(1, params.d), slots(held(params), params.d);
    Index filled = 0;
    for (Index token = 0; token < params.tokens(); ++token) {
      params.keys().rows(params.key, params.tokens(), token, key);
      const Index slot = std::visit([&](auto& p) { return p.offer(token, key.data()); }, policy);
      if (slot < 0) {
        state_.add(key.data(), nullptr);
        continue;
      }
      if (slot < filled) state_.add(slots.row(slot).data(), nullptr);
      filled = std::max(filled, slot + 1);
      slots.row(slot) = key.row(0);
    }
    return std::visit([](const auto& p) { return p.tokens(); }, policy);
  }

  void read(const PublicParams& params, core::BitReader& reader) {
    const RowFormat format = RowFormat::of(params);
    if (format.stored_keys) {
      keys_.resize(held(params), params.d);
      core::get_floats(reader, format.format, keys_.data(), static_cast<std::size_t>(keys_.size()));
    }
    values_.resize(held(params), params.d);
    core::get_floats(reader, format.format, values_.data(), static_cast<std::size_t>(values_.size()));
    const Index count = features(params);
    if (count == 0) return;
    core::get_floats(reader, core::FloatFormat::fp32, &log_unit_, 1);
    core::RowMatrixF sums(count, params.d);
    core::get_floats(reader, core::FloatFormat::fp32, sums.data(), static_cast<std::size_t>(sums.size()));
    sums_ = sums.cast<double>();
    if (format.stored_keys) {
      Eigen::VectorXf masses(count);
      core::get_floats(reader, core::FloatFormat::fp32, masses.data(), static_cast<std::size_t>(count));
      masses_ = masses.cast<double>();
    } else {
      masses_ = state_.masses().cast<float>().cast<double>();
    }
    if (!std::isfinite(log_unit_) || !sums_.allFinite() || !masses_.allFinite() || masses_.minCoeff() < 0)
      throw core::DataError("the kernel state is no sum of positive features");
  }

  KernelState state_;  // for its features, and masses of public keys
  core::RowMatrixF keys_, values_;
  float log_unit_ = 0;
  core::RowMatrixD sums_;
  Eigen::VectorXd masses_;
};

class Less : public Scheme {
 public:
  std::string name() const override { return "less"; }
  std::string summary() const override {
    return "an eviction policy, and a low-rank kernel state that absorbs what it evicts (LESS-RF)";
  }
  std::string surrogates() const override {
    return "positive random features of public directions in place of the trained kernels; the policy's queries are a "
           "proxy";
  }
  std::string paper() const override {
    return "Dong et al., Get More with LESS: Synthesizing Recurrence with KV Cache Compression for Efficient LLM "
           "Inference, ICML 2024; positive random features: Choromanski et al., ICLR 2021";
  }
  std::string guarantee() const override {
    return "numerator and denominator are unbiased, with relative variance (exp(|sqrt(tau) k + q/sqrt(tau)|^2) - 1)/R "
           "for each evicted token: useless where queries are long";
  }
  const core::OptionTable& options() const override {
    static const core::OptionTable table{
        core::Option::integer("kept", {}, 0, 1'000'000'000, "tokens kept by the policy").sized(),
        core::Option::integer("features", {}, 0, 1'000'000, "R, features of the kernel state; 0: eviction alone")
            .sized(),
        core::Option::choice("policy", "h2o", {"h2o", "streaming_llm"},
                             "h2o: half heavy hitters, half recent; streaming_llm: 4 sinks and a window"),
        proxy_option(),
        format_option(),
        keys_option()};
    return table;
  }
  std::optional<std::uint64_t> message_bits(const PublicParams& params) const override {
    return static_cast<std::uint64_t>(held(params)) * RowFormat::of(params).bits_per_row() +
           state_size(params, features(params));
  }

  // A tenth of the budget for the state, unless nothing is evicted.
  Fit fit(const PublicParams& params, std::uint64_t budget_bits) const override {
    const RowFormat format = RowFormat::of(params);
    if (budget_bits < format.bits_per_row()) return {std::nullopt, format.bits_per_row()};
    const std::uint64_t head = state_size(params, 1) - feature_bits(params), share = budget_bits / 10;
    auto count = static_cast<Index>(share < head ? 0 : (share - head) / feature_bits(params));
    if (rows_in(format, budget_bits, params.tokens()) == params.tokens()) count = 0;
    core::Json options = params.options;
    options["features"] = count;
    options["kept"] = rows_in(format, budget_bits - state_size(params, count), params.tokens());
    return {options, format.bits_per_row()};
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<LessEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<LessDecoder>(params, std::move(reader));
  }
  Index held_rows(const PublicParams& params) const override { return held(params) + 3 * features(params); }
  double operations(const PublicParams& params, Index queries) const override {
    const double parties = stores_keys(params) ? 1 : 2, d = static_cast<double>(params.d);
    return Scheme::operations(params, queries) + parties * static_cast<double>(params.tokens()) *
                                                     (static_cast<double>(held(params)) * (2 * d + 16) +
                                                      static_cast<double>(features(params)) * (4 * d + 20));
  }

 private:
  static std::uint64_t feature_bits(const PublicParams& params) {
    return state_size(params, 2) - state_size(params, 1);
  }
};

const core::Registration<Scheme, Less> registration;

}  // namespace
}  // namespace kvfrontier::schemes::less
