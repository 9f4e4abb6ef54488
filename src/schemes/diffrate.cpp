// Prune and merge: rows are ranked by the attention they receive, the least are dropped, the next are merged into the
// row with the most similar key, and the log of a row's size, the number of tokens in it, is added to its logit.

#include <algorithm>
#include <boost/random/normal_distribution.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "attention/attention.hpp"
#include "core/errors.hpp"
#include "core/rng.hpp"
#include "schemes/codec/attention_scores.hpp"
#include "schemes/codec/kept_rows.hpp"
#include "schemes/codec/map_buffer.hpp"

namespace kvfrontier::schemes::diffrate {

enum class RateRule { searched, uniform };

}  // namespace kvfrontier::schemes::diffrate

template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::diffrate::RateRule> {
  static constexpr std::array names{"searched", "uniform"};
};

namespace kvfrontier::schemes::diffrate {
namespace {

using core::RowMatrixD;
using core::RowMatrixF;

struct DiffRateOptions {
  std::optional<Index> kept;
  RateRule rates = RateRule::searched;
  double prune_share = 0.5;
  Index run = 64;
  Proxy proxy = Proxy::k2k;
  bool official = false;
  core::FloatFormat format = core::FloatFormat::fp16;
  Keys keys = Keys::stored;

  static core::MemberList<DiffRateOptions> members() {
    return {
        core::member("kept", &DiffRateOptions::kept, "rows at hand-over").range(1, 1e9).sized(),
        core::member("rates", &DiffRateOptions::rates,
                     "searched: growth of the number of rows and share of pruning by search on the public "
                     "calibration stream; uniform: a constant share of the stream, and prune_share"),
        core::member("prune_share", &DiffRateOptions::prune_share,
                     "uniform rates: share of the surplus that is pruned, not merged")
            .range(0, 1),
        core::member("run", &DiffRateOptions::run, "tokens that are collected before rows are ranked").range(1, 1e6),
        proxy_member(&DiffRateOptions::proxy),
        core::member("official", &DiffRateOptions::official,
                     "follow the published code: merged rows are plain means whatever their sizes, and a merged "
                     "size counts times its cosine; false: means weighted by size, sizes add"),
        format_member(&DiffRateOptions::format),
        keys_member(&DiffRateOptions::keys)};
  }
};

const DiffRateOptions& options_of(const PublicParams& params) {
  return params.options.as<DiffRateOptions>();
}

struct Rates {
  double growth = 1;    // rows held after c of N tokens: kept (c/N)^growth
  double pruned = 0.5;  // share of the surplus that is dropped; the rest is merged
};

// What both parties know about the rows and the message.
struct Layout {
  explicit Layout(const PublicParams& params) : Layout(params, options_of(params)) {}
  Layout(const PublicParams& params, const DiffRateOptions& options)
      : d(params.d),
        tokens(params.tokens()),
        kept(std::min(options.kept.value(), tokens)),
        run(options.run),
        random_proxy(options.proxy == Proxy::random),
        official(options.official),
        tau(params.tau),
        rows{params.d, options.keys == Keys::stored, options.format},
        coins(params.coins) {
    rates.pruned = options.prune_share;
  }
  // Rows after `count` tokens. Between `growth` 0 (full size at once) and 1 (a constant share of the stream) this never
  // grows faster than tokens arrive, so that there are always enough rows.
  Index capacity(Index count) const {
    const double share = std::pow(1.0 * count / tokens, rates.growth);
    const Index rows_now = std::ceil(kept * share);
    return std::max<Index>(1, std::min(count, rows_now));
  }
  // Keys and sizes follow from public keys.
  Bits row_bits() const { return rows.bits_per_row() + (rows.stored_keys ? core::bits_of(rows.format) : 0); }

  Index d, tokens, kept, run;
  bool random_proxy, official;
  double tau;
  RowFormat rows;
  core::Coins coins;
  Rates rates;
};

// The rows of a stream. What happens to them depends on keys alone: when keys are public, Bob runs it with values of
// width 0.
class Merger {
 public:
  Merger(const Layout& layout, Index value_width)
      : layout_(layout),
        keys_(layout.kept + layout.run, layout.d),
        values_(layout.kept + layout.run, value_width),
        queries_(layout.run, layout.d),
        sizes_(Eigen::VectorXf::Ones(layout.kept + layout.run)) {}

  void add(const float* key, const float* value) {
    keys_.row(filled_) = Eigen::Map<const Eigen::RowVectorXf>(key, keys_.cols());
    values_.row(filled_) = Eigen::Map<const Eigen::RowVectorXf>(value, values_.cols());
    sizes_[filled_++] = 1;
    set_query(key);
    ++count_;
    if (++pending_ == layout_.run) reduce();
  }

  // Ranks all rows by the run's queries and reduces them to the capacity.
  void reduce() {
    const Index target = layout_.capacity(count_);
    if (filled_ > target) {
      const std::vector<Index> order = by_importance();
      const Index surplus = filled_ - target;
      const Index merged_end = filled_ - std::llround(layout_.rates.pruned * surplus);
      merge(order, target, merged_end);
      keep({order.begin(), order.begin() + target});
    }
    pending_ = 0;
  }

  Index filled() const { return filled_; }
  Index count() const { return count_; }
  core::RowsViewF keys() const { return keys_.topRows(filled_); }
  core::RowsViewF values() const { return values_.topRows(filled_); }
  Eigen::VectorXf sizes() const { return sizes_.head(filled_); }

 private:
  void set_query(const float* key) {
    auto query = queries_.row(pending_);
    if (layout_.random_proxy) {
      core::Stream stream(layout_.coins, core::Purpose("diffrate/proxy"), count_);
      boost::random::normal_distribution<float> normal;
      for (Index c = 0; c < layout_.d; ++c) query[c] = normal(stream);
    } else {
      query = Eigen::Map<const Eigen::RowVectorXf>(key, layout_.d);
    }
    const float norm = query.norm(), tau = layout_.tau;
    if (norm > 0) query *= tau / norm;
  }

  // All rows, those with the most attention over the run's queries first, the older of equals first.
  std::vector<Index> by_importance() const {
    RowMatrixF logits = queries_.topRows(pending_) * keys_.topRows(filled_).transpose();
    logits.rowwise() += sizes_.head(filled_).array().log().matrix().transpose();
    Eigen::RowVectorXf importance = Eigen::RowVectorXf::Zero(filled_);
    for (Index i = 0; i < pending_; ++i) {
      logits.row(i) = (logits.row(i).array() - logits.row(i).maxCoeff()).exp();
      importance += logits.row(i) / logits.row(i).sum();
    }
    std::vector<Index> order = all_tokens(filled_);
    std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return importance[a] > importance[b]; });
    return order;
  }

  // Merges rows first .. end - 1 of `order`, each into the most similar of the `first` rows before them.
  void merge(const std::vector<Index>& order, Index first, Index end) {
    if (end <= first) return;
    RowMatrixF targets(first, layout_.d), sources(end - first, layout_.d);
    for (Index i = 0; i < end; ++i) {
      auto direction = i < first ? targets.row(i) : sources.row(i - first);
      direction = keys_.row(order[i]);
      direction.normalize();
    }
    const RowMatrixF cosines = sources * targets.transpose();

    struct Group {
      Eigen::RowVectorXd key, value;
      double weight = 0, size = 0;
    };
    std::vector<Group> groups(first);
    const auto join = [&](Group& group, Index row, double cosine) {
      const double size = sizes_[row], weight = layout_.official ? 1 : size;
      if (group.weight == 0) {
        group.key = Eigen::RowVectorXd::Zero(layout_.d);
        group.value = Eigen::RowVectorXd::Zero(values_.cols());
      }
      group.key += weight * keys_.row(row).cast<double>();
      group.value += weight * values_.row(row).cast<double>();
      group.weight += weight;
      group.size += layout_.official ? cosine * size : size;
    };
    for (Index i = first; i < end; ++i) {
      Index nearest;
      const double cosine = cosines.row(i - first).maxCoeff(&nearest);
      Group& group = groups[nearest];
      if (group.weight == 0) join(group, order[nearest], 1);
      join(group, order[i], cosine);
    }
    for (Index target = 0; target < first; ++target) {
      const Group& group = groups[target];
      if (group.weight == 0) continue;
      const Index row = order[target];
      keys_.row(row) = (group.key / group.weight).cast<float>();
      values_.row(row) = (group.value / group.weight).cast<float>();
      // A negative similarity would leave less than one token, or none.
      sizes_[row] = std::max(1.0, group.size);
    }
  }

  void keep(std::vector<Index> rows) {
    std::sort(rows.begin(), rows.end());
    filled_ = 0;
    for (const Index row : rows) {
      if (row != filled_) {
        keys_.row(filled_) = keys_.row(row);
        values_.row(filled_) = values_.row(row);
        sizes_[filled_] = sizes_[row];
      }
      ++filled_;
    }
  }

  Layout layout_;
  RowMatrixF keys_, values_, queries_;
  Eigen::VectorXf sizes_;
  Index filled_ = 0, pending_ = 0, count_ = 0;
};

RowMatrixD attend_sized(core::RowsViewD queries, core::RowsViewF keys, core::RowsViewF values,
                        const Eigen::VectorXf& sizes) {
  const Eigen::VectorXd log_sizes = sizes.cast<double>().array().log();
  attention::SoftmaxAttention<double> attention(queries, values.cols());
  attention.absorb(keys.cast<double>().eval(), values.cast<double>().eval(), log_sizes.data());
  return attention.result();
}

// The rates with the least squared error of outputs on a stream that both parties draw from the public coins: Gaussian
// directions as keys, fair bits as values, one query for each key. At most 128 tokens, with the same share of rows
// kept.
Rates searched_rates(const Layout& layout) {
  constexpr Index most = 128;
  Layout small = layout;
  small.tokens = std::min(most, layout.tokens);
  small.kept = std::max<Index>(1, layout.kept * small.tokens / layout.tokens);
  small.run = std::min<Index>(layout.run, std::max<Index>(1, small.tokens / 4));
  RowMatrixF keys(small.tokens, layout.d), values(small.tokens, layout.d);
  for (Index i = 0; i < small.tokens; ++i) {
    core::Stream stream(layout.coins, core::Purpose("diffrate/calibration"), i);
    boost::random::normal_distribution<float> normal;
    for (Index c = 0; c < layout.d; ++c) keys(i, c) = normal(stream);
    keys.row(i).normalize();
    for (Index c = 0; c < layout.d; ++c) values(i, c) = stream() >> 31;
  }
  const RowMatrixD queries = layout.tau * keys.cast<double>();
  const RowMatrixD exact = attend_rows(queries, keys, values);

  Rates best;
  double least = std::numeric_limits<double>::infinity();
  for (const double growth : {1.0, 0.5, 0.0}) {
    for (const double pruned : {0.0, 0.25, 0.5, 0.75, 1.0}) {
      small.rates = {growth, pruned};
      Merger merger(small, layout.d);
      for (Index i = 0; i < small.tokens; ++i) merger.add(keys.row(i).data(), values.row(i).data());
      merger.reduce();
      const double error =
          (attend_sized(queries, merger.keys(), merger.values(), merger.sizes()) - exact).squaredNorm();
      if (error < least) {
        least = error;
        best = small.rates;
      }
    }
  }
  return best;
}

Layout with_rates(const PublicParams& params) {
  Layout layout(params);
  if (options_of(params).rates == RateRule::searched) layout.rates = searched_rates(layout);
  return layout;
}

class DiffRateEncoder : public Encoder {
 public:
  explicit DiffRateEncoder(const PublicParams& params) : layout_(with_rates(params)), merger_(layout_, params.d) {}

  void absorb(const TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i) merger_.add(block.keys.row(i).data(), block.values.row(i).data());
  }
  Bits state_bits() const override {
    return std::min(merger_.filled(), layout_.capacity(merger_.count())) * layout_.row_bits();
  }
  // Rows and sizes in single precision, and the rows of the unfinished run.
  Bits working_bits() const override { return merger_.filled() * 32 * (2 * layout_.d + 1) - state_bits(); }
  void write(core::BitWriter& writer) const override {
    Merger final = merger_;
    final.reduce();
    if (layout_.rows.stored_keys) {
      writer.section("keys");
      put_rows(writer, layout_.rows.format, final.keys());
      writer.section("sizes");
      put_rows(writer, layout_.rows.format, final.sizes());
    }
    writer.section("values");
    put_rows(writer, layout_.rows.format, final.values());
  }

 private:
  Layout layout_;
  Merger merger_;
};

class DiffRateDecoder : public Decoder {
 public:
  DiffRateDecoder(const PublicParams& params, core::BitReader reader) {
    if (options_of(params).keys == Keys::stored) {
      const Layout layout(params);
      keys_ = get_rows(reader, layout.rows.format, layout.kept, params.d);
      sizes_ = get_rows(reader, layout.rows.format, layout.kept, 1);
      if (!(sizes_.array() > 0).all()) throw core::DataError("a row of size 0 or less");
      values_ = get_rows(reader, layout.rows.format, layout.kept, params.d);
    } else {
      const Layout layout = with_rates(params);
      Merger merger(layout, 0);
      RowMatrixF key(1, params.d);
      for (Index token = 0; token < params.tokens(); ++token) {
        params.keys().rows(params.coins, params.tokens(), token, key);
        merger.add(key.data(), nullptr);
      }
      merger.reduce();
      keys_ = merger.keys();
      sizes_ = merger.sizes();
      values_ = get_rows(reader, layout.rows.format, layout.kept, params.d);
    }
  }
  RowMatrixD attend(core::RowsViewD queries) const override { return attend_sized(queries, keys_, values_, sizes_); }

 private:
  RowMatrixF keys_, values_;
  Eigen::VectorXf sizes_;
};

class DiffRate : public Scheme {
 public:
  std::string name() const override { return "diffrate"; }
  std::string summary() const override {
    return "prune the rows with the least attention, merge the next into their most similar row, and add log-sizes to "
           "the logits";
  }
  std::string surrogates() const override {
    return "runs of tokens in place of layers, similarity of keys in place of that of features, a proxy for the "
           "queries (keys themselves, or public random directions); rates are searched on a public calibration stream, "
           "not learned";
  }
  std::string paper() const override {
    return "Chen et al., DiffRate: Differentiable Compression Rate for Efficient Vision Transformers, ICCV 2023";
  }
  std::string guarantee() const override {
    return "exact when every dropped row equals a kept one in key and value; none on INDEX, where merged keys lose "
           "their logit";
  }
  const core::OptionTable& options() const override { return core::table_of<DiffRateOptions>(); }
  std::optional<Bits> message_bits(const PublicParams& params) const override {
    const Layout layout(params);
    return layout.kept * layout.row_bits();
  }
  Fit fit(const PublicParams& params, Bits budget_bits) const override {
    DiffRateOptions options = options_of(params);
    options.kept = 1;
    const Bits least = Layout(params, options).row_bits();
    if (budget_bits < least) return {std::nullopt, least};
    options.kept = std::min(budget_bits / least, params.tokens());
    return {options, least};
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<DiffRateEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<DiffRateDecoder>(params, std::move(reader));
  }
  Index held_rows(const PublicParams& params) const override {
    const Layout layout(params);
    return std::min(params.tokens(), layout.kept + layout.run);
  }
  double operations(const PublicParams& params, Index queries) const override {
    const Layout layout(params);
    const double parties = layout.rows.stored_keys ? 1 : 2, d = params.d;
    return Scheme::operations(params, queries) +
           parties * (4.0 * params.tokens() * (layout.kept + layout.run) * (d + 8) + 4e6 * d);
  }
};

const core::Registration<Scheme, DiffRate> registration;

}  // namespace
}  // namespace kvfrontier::schemes::diffrate
