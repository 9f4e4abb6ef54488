// Eviction that remembers what it dropped: evicted tokens are added to a kernel state H = sum psi(k) v^T,
// z = sum psi(k) of R features, which answers together with the kept tokens. The published features are trained; here
// they are positive random features of the exponential kernel, exp(<q,k>) = E phi(q) phi(k).

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

enum class PolicyKind { h2o, streaming_llm };

}  // namespace kvfrontier::schemes::less

template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::less::PolicyKind> {
  static constexpr std::array names{"h2o", "streaming_llm"};
};

namespace kvfrontier::schemes::less {
namespace {

struct LessOptions {
  std::optional<Index> kept, features;
  PolicyKind policy = PolicyKind::h2o;
  Proxy proxy = Proxy::k2k;
  core::FloatFormat format = core::FloatFormat::fp16;
  Keys keys = Keys::stored;

  static core::MemberList<LessOptions> members() {
    return {core::member("kept", &LessOptions::kept, "tokens kept by the policy").range(0, 1e9).sized(),
            core::member("features", &LessOptions::features, "R, features of the kernel state; 0: eviction alone")
                .range(0, 1e6)
                .sized(),
            core::member("policy", &LessOptions::policy,
                         "h2o: half heavy hitters, half recent; streaming_llm: 4 sinks and a window"),
            proxy_member(&LessOptions::proxy),
            format_member(&LessOptions::format),
            keys_member(&LessOptions::keys)};
  }
};

using Policy = std::variant<HeavyHitters, SinksAndWindow>;

constexpr Index sinks = 4;  // as published for streaming_llm

const LessOptions& options_of(const PublicParams& params) {
  return params.options.as<LessOptions>();
}
bool stores_keys(const PublicParams& params) {
  return options_of(params).keys == Keys::stored;
}
RowFormat format_of(const PublicParams& params) {
  return {params.d, stores_keys(params), options_of(params).format};
}
Index held(const PublicParams& params) {
  return std::min(options_of(params).kept.value(), params.tokens());
}
Index features(const PublicParams& params) {
  return options_of(params).features.value();
}

Policy policy_of(const PublicParams& params) {
  const LessOptions& options = options_of(params);
  const Index rows = options.kept.value();
  if (options.policy == PolicyKind::streaming_llm) {
    const Index first = std::min(sinks, rows);
    return SinksAndWindow(first, rows - first);
  }
  return HeavyHitters(options.proxy, params, rows - rows / 2, rows / 2, false);
}

// Bits of the state: one scale, H, and z unless Bob can sum it from public keys.
Bits state_size(const PublicParams& params, Index count) {
  return count == 0 ? 0 : 32 + 32 * count * (params.d + (stores_keys(params) ? 1 : 0));
}

// phi_r(x) = exp(<w_r, x> - |x|^2/2)/sqrt(R) with public Gaussian w_r, taken at x = sqrt(tau) k for keys and at
// x = q/sqrt(tau) for queries, so that both have about the same length.
class Features {
 public:
  Features(const PublicParams& params, Index count)
      : scale_(params.tau > 0 ? std::sqrt(params.tau) : 1), directions_(count, params.d) {
    for (Index r = 0; r < count; ++r) {
      core::Stream stream(params.coins, core::Purpose("less/features"), r);
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
    const double shift = x.squaredNorm() / 2 + std::log(count()) / 2;
    return ((directions_ * x).array() - shift).matrix();
  }
  double scale_;
  core::RowMatrixD directions_;
};

// H and z in units of exp(log_unit), the largest feature so far, so that no sum overflows.
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
    if (const float most = logs.maxCoeff(); empty_ || most > log_unit_) {
      const double old_unit = log_unit_, shrink = empty_ ? 0 : std::exp(old_unit - most);
      values_ *= shrink;
      masses_ *= shrink;
      log_unit_ = most;
      empty_ = false;
    }
    const double log_unit = log_unit_;
    const Eigen::VectorXd weights = (logs.array() - log_unit).exp();
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
        rows_(format_of(params), held(params)),
        policy_(policy_of(params)),
        state_(params, params.d),
        public_keys_(stores_keys(params) ? 0 : held(params), params.d),
        key_(params.d),
        value_(params.d) {}

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
  Bits state_bits() const override { return rows_.bits() + state_size(params_, features(params_)); }
  // A score for every kept token, if the policy has scores.
  Bits working_bits() const override { return std::holds_alternative<HeavyHitters>(policy_) ? 32 * rows_.count() : 0; }

  void write(core::BitWriter& writer) const override {
    rows_.write(writer);
    if (features(params_) == 0) return;
    writer.section("kernel state");
    const float log_unit = state_.log_unit();
    core::put_floats(writer, core::FloatFormat::fp32, &log_unit, 1);
    const core::RowMatrixF values = state_.values().cast<float>();
    core::put_floats(writer, core::FloatFormat::fp32, values.data(), values.size());
    if (!stores_keys(params_)) return;
    const Eigen::VectorXf masses = state_.masses().cast<float>();
    core::put_floats(writer, core::FloatFormat::fp32, masses.data(), masses.size());
  }

 private:
  // Policy and state see what the cache has stored; public keys are not rounded.
  void round(const float* key, const float* value) {
    const RowFormat format = format_of(params_);
    core::store_floats(format.stored_keys ? format.format : core::FloatFormat::fp32, key, key_.data(), params_.d);
    core::store_floats(format.format, value, value_.data(), params_.d);
  }

  PublicParams params_;
  KeptRows rows_;
  Policy policy_;
  KernelState state_;
  core::RowMatrixF public_keys_;  // of the slots, when rows_ has none
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
    const double log_unit = log_unit_;
    for (Index i = 0; i < queries.rows(); ++i) {
      const Eigen::ArrayXd logs = state_.kernel().log_of_query(queries.row(i).transpose()).array() + log_unit;
      // A feature of mass 0 has absorbed no token.
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
      params.keys().rows(params.coins, params.tokens(), token, key);
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
    const RowFormat format = format_of(params);
    if (format.stored_keys) {
      keys_.resize(held(params), params.d);
      core::get_floats(reader, format.format, keys_.data(), keys_.size());
    }
    values_.resize(held(params), params.d);
    core::get_floats(reader, format.format, values_.data(), values_.size());
    const Index count = features(params);
    if (count == 0) return;
    core::get_floats(reader, core::FloatFormat::fp32, &log_unit_, 1);
    core::RowMatrixF sums(count, params.d);
    core::get_floats(reader, core::FloatFormat::fp32, sums.data(), sums.size());
    sums_ = sums.cast<double>();
    if (format.stored_keys) {
      Eigen::VectorXf masses(count);
      core::get_floats(reader, core::FloatFormat::fp32, masses.data(), count);
      masses_ = masses.cast<double>();
    } else {
      masses_ = state_.masses().cast<float>().cast<double>();
    }
    if (!std::isfinite(log_unit_) || !sums_.allFinite() || !masses_.allFinite() || masses_.minCoeff() < 0)
      throw core::DataError("the kernel state is not a sum of positive features");
  }

  KernelState state_;  // its features, and the masses of public keys
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
  const core::OptionTable& options() const override { return core::table_of<LessOptions>(); }
  std::optional<Bits> message_bits(const PublicParams& params) const override {
    return held(params) * format_of(params).bits_per_row() + state_size(params, features(params));
  }

  // A tenth of the budget for the state, unless nothing is evicted.
  Fit fit(const PublicParams& params, Bits budget_bits) const override {
    const RowFormat format = format_of(params);
    if (budget_bits < format.bits_per_row()) return {std::nullopt, format.bits_per_row()};
    const Bits head = state_size(params, 1) - feature_bits(params), share = budget_bits / 10;
    Index count = share < head ? 0 : (share - head) / feature_bits(params);
    if (rows_in(format, budget_bits, params.tokens()) == params.tokens()) count = 0;
    LessOptions options = options_of(params);
    options.features = count;
    options.kept = rows_in(format, budget_bits - state_size(params, count), params.tokens());
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
    const double parties = stores_keys(params) ? 1 : 2, d = params.d;
    const double per_token = held(params) * (2 * d + 16) + features(params) * (4 * d + 20);
    return Scheme::operations(params, queries) + parties * params.tokens() * per_token;
  }

 private:
  static Bits feature_bits(const PublicParams& params) { return state_size(params, 2) - state_size(params, 1); }
};

const core::Registration<Scheme, Less> registration;

}  // namespace
}  // namespace kvfrontier::schemes::less
