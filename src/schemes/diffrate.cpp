// Prune and merge: rows are ranked by the attention they receive, the least are dropped, the next are merged into the
// row whose key they are most like, and a row's size, the tokens it stands for, joins its logit.

#include <algorithm>
#include <boost/random/normal_distribution.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "attention/attention.hpp"
#include "core/errors.hpp"
#include "core/rng.hpp"
#include "schemes/codec/kept_rows.hpp"
#include "schemes/codec/map_buffer.hpp"

namespace kvfrontier::schemes::diffrate {
namespace {

using core::RowMatrixD;
using core::RowMatrixF;

struct Rates {
  double growth = 1;    // rows held after c of N tokens: kept (c/N)^growth
  double pruned = 0.5;  // share of the surplus that is dropped; the rest is merged
};

struct Shape {
  explicit Shape(const PublicParams& params)
      : d(params.d),
        tokens(params.tokens()),
        kept(std::min(params.options.at("kept").get<Index>(), tokens)),
        run(params.options.at("run").get<Index>()),
        random_proxy(params.options.at("proxy") == "random"),
        official(params.options.at("official").get<bool>()),
        tau(params.tau),
        rows(RowFormat::of(params)),
        key(params.key) {
    rates.pruned = params.options.at("prune_share");
  }
  // Between `growth` 0 (full size at once) and 1 (a constant share of the stream) this never grows faster than tokens
  // come in, so it is met after every token.
  Index capacity(Index count) const {
    const double share = std::pow(static_cast<double>(count) / static_cast<double>(tokens), rates.growth);
    const auto rows_now = static_cast<Index>(std::ceil(static_cast<double>(kept) * share));
    return std::max<Index>(1, std::min(count, rows_now));
  }
  // Keys and sizes follow from public keys.
  std::uint64_t row_bits() const {
    return rows.bits_per_row() + (rows.stored_keys ? static_cast<std::uint64_t>(core::bits_of(rows.format)) : 0);
  }

  Index d, tokens, kept, run;
  bool random_proxy, official;
  double tau;
  RowFormat rows;
  core::RandomKey key;
  Rates rates;
};

// The rows of a stream. What happens to them depends on keys alone: Bob, who regenerates public keys, runs it with
// values of width 0.
class Merger {
 public:
  Merger(const Shape& shape, Index value_width)
      : shape_(shape),
        keys_(shape.kept + shape.run, shape.d),
        values_(shape.kept + shape.run, value_width),
        queries_(shape.run, shape.d),
        sizes_(Eigen::VectorXf::Ones(shape.kept + shape.run)) {}

  void add(const float* key, const float* value) {
    keys_.row(filled_) = Eigen::Map<const Eigen::RowVectorXf>(key, keys_.cols());
    values_.row(filled_) = Eigen::Map<const Eigen::RowVectorXf>(value, values_.cols());
    sizes_[filled_++] = 1;
    set_query(key);
    ++count_;
    if (++pending_ == shape_.run) reduce();
  }

  // Ranks all rows by the run's queries and goes down to the capacity.
  void reduce() {
    const Index target = shape_.capacity(count_);
    if (filled_ > target) {
      const std::vector<Index> order = by_importance();
      const Index surplus = filled_ - target;
      const Index merged_end = filled_ - std::llround(shape_.rates.pruned * static_cast<double>(surplus));
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
    if (shape_.random_proxy) {
      core::Stream stream(shape_.key, core::Purpose("diffrate/proxy"), static_cast<std::uint64_t>(count_));
      boost::random::normal_distribution<float> normal;
      for (Index c = 0; c < shape_.d; ++c) query[c] = normal(stream);
    } else {
      query = Eigen::Map<const Eigen::RowVectorXf>(key, shape_.d);
    }
    const float norm = query.norm();
    if (norm > 0) query *= static_cast<float>(shape_.tau) / norm;
  }

  // All rows, most attention over the run's queries first, the older of equals first.
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

  // Rows first .. end - 1 of `order` into the most similar of the `first` before them.
  void merge(const std::vector<Index>& order, Index first, Index end) {
    if (end <= first) return;
    RowMatrixF targets(first, shape_.d), sources(end - first, shape_.d);
    for (Index i = 0; i < end; ++i) {
      auto direction = i < first ? targets.row(i) : sources.row(i - first);
      direction = keys_.row(order[static_cast<std::size_t>(i)]);
      direction.normalize();
    }
    const RowMatrixF cosines = sources * targets.transpose();

    struct Group {
      Eigen::RowVectorXd key, value;
      double weight = 0, size = 0;
    };
    std::vector<Group> groups(static_cast<std::size_t>(first));
    const auto join = [&](Group& group, Index row, double cosine) {
      const double weight = shape_.official ? 1 : sizes_[row];
      if (group.weight == 0) {
        group.key = Eigen::RowVectorXd::Zero(shape_.d);
        group.value = Eigen::RowVectorXd::Zero(values_.cols());
      }
      group.key += weight * keys_.row(row).cast<double>();
      group.value += weight * values_.row(row).cast<double>();
      group.weight += weight;
      group.size += shape_.official ? cosine * static_cast<double>(sizes_[row]) : static_cast<double>(sizes_[row]);
    };
    for (Index i = first; i < end; ++i) {
      Index nearest;
      const double cosine = cosines.row(i - first).maxCoeff(&nearest);
      Group& group = groups[static_cast<std::size_t>(nearest)];
      if (group.weight == 0) join(group, order[static_cast<std::size_t>(nearest)], 1);
      join(group, order[static_cast<std::size_t>(i)], cosine);
    }
    for (std::size_t target = 0; target < groups.size(); ++target) {
      const Group& group = groups[target];
      if (group.weight == 0) continue;
      const Index row = order[target];
      keys_.row(row) = (group.key / group.weight).cast<float>();
      values_.row(row) = (group.value / group.weight).cast<float>();
      // A negative similarity would leave less than one token, or none.
      sizes_[row] = static_cast<float>(std::max(1.0, group.size));
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

  Shape shape_;
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
// directions as keys, fair bits as values, each key asked for. At most 128 tokens, at the same share of rows kept.
Rates searched_rates(const Shape& shape) {
  constexpr Index most = 128;
  Shape small = shape;
  small.tokens = std::min(most, shape.tokens);
  small.kept = std::max<Index>(1, shape.kept * small.tokens / shape.tokens);
  small.run = std::min<Index>(shape.run, std::max<Index>(1, small.tokens / 4));
  RowMatrixF keys(small.tokens, shape.d), values(small.tokens, shape.d);
  for (Index i = 0; i < small.tokens; ++i) {
    core::Stream stream(shape.key, core::Purpose("diffrate/calibration"), static_cast<std::uint64_t>(i));
    boost::random::normal_distribution<float> normal;
    for (Index c = 0; c < shape.d; ++c) keys(i, c) = normal(stream);
    keys.row(i).normalize();
    for (Index c = 0; c < shape.d; ++c) values(i, c) = static_cast<float>(stream() >> 31);
  }
  const RowMatrixD queries = shape.tau * keys.cast<double>();
  const RowMatrixD exact = attend_rows(queries, keys, values);

  Rates best;
  double least = std::numeric_limits<double>::infinity();
  for (const double growth : {1.0, 0.5, 0.0}) {
    for (const double pruned : {0.0, 0.25, 0.5, 0.75, 1.0}) {
      small.rates = {growth, pruned};
      Merger merger(small, shape.d);
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

Shape with_rates(const PublicParams& params) {
  Shape shape(params);
  if (params.options.at("rates") == "searched") shape.rates = searched_rates(shape);
  return shape;
}

class DiffRateEncoder : public Encoder {
 public:
  explicit DiffRateEncoder(const PublicParams& params) : shape_(with_rates(params)), merger_(shape_, params.d) {}

  void absorb(const TokenBlock& block) override {
    for (Index i = 0; i < block.count(); ++i) merger_.add(block.keys.row(i).data(), block.values.row(i).data());
  }
  std::uint64_t state_bits() const override {
    return static_cast<std::uint64_t>(std::min(merger_.filled(), shape_.capacity(merger_.count()))) * shape_.row_bits();
  }
  // Rows and sizes in single precision, and the rows of the run under way.
  std::uint64_t working_bits() const override {
    return static_cast<std::uint64_t>(merger_.filled()) * 32 * static_cast<std::uint64_t>(2 * shape_.d + 1) -
           state_bits();
  }
  void write(core::BitWriter& writer) const override {
    Merger final = merger_;
    final.reduce();
    if (shape_.rows.stored_keys) {
      writer.section("keys");
      put_rows(writer, shape_.rows.format, final.keys());
      writer.section("sizes");
      put_rows(writer, shape_.rows.format, final.sizes());
    }
    writer.section("values");
    put_rows(writer, shape_.rows.format, final.values());
  }

 private:
  Shape shape_;
  Merger merger_;
};

class DiffRateDecoder : public Decoder {
 public:
  DiffRateDecoder(const PublicParams& params, core::BitReader reader) {
    if (stores_keys(params)) {
      const Shape shape(params);
      keys_ = get_rows(reader, shape.rows.format, shape.kept, params.d);
      sizes_ = get_rows(reader, shape.rows.format, shape.kept, 1);
      if (!(sizes_.array() > 0).all()) throw core::DataError("a row that stands for no token");
      values_ = get_rows(reader, shape.rows.format, shape.kept, params.d);
    } else {
      const Shape shape = with_rates(params);
      Merger merger(shape, 0);
      RowMatrixF key(1, params.d);
      for (Index token = 0; token < params.tokens(); ++token) {
        params.keys().rows(params.key, params.tokens(), token, key);
        merger.add(key.data(), nullptr);
      }
      merger.reduce();
      keys_ = merger.keys();
      sizes_ = merger.sizes();
      values_ = get_rows(reader, shape.rows.format, shape.kept, params.d);
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
    return "prune the rows with the least attention, merge the next into their most similar row, and let sizes join "
           "the "
           "logits";
  }
  std::string surrogates() const override {
    return "runs of tokens stand for layers, similarity of keys for that of features, a proxy for the queries (keys "
           "themselves, or public random directions); rates are searched on a public calibration stream, not learned";
  }
  std::string paper() const override {
    return "Chen et al., DiffRate: Differentiable Compression Rate for Efficient Vision Transformers, ICCV 2023";
  }
  std::string guarantee() const override {
    return "exact when every dropped row equals a kept one in key and value; none on INDEX, where merged keys lose "
           "their logit";
  }
  const core::OptionTable& options() const override {
    static const core::OptionTable table{
        core::Option::integer("kept", {}, 1, 1'000'000'000, "rows at hand-over").sized(),
        core::Option::choice("rates", "searched", {"searched", "uniform"},
                             "searched: growth of the number of rows and share of pruning by search on the public "
                             "calibration stream; uniform: a constant share of the stream, and prune_share"),
        core::Option::real("prune_share", 0.5, 0, 1, "uniform rates: share of the surplus that is pruned, not merged"),
        core::Option::integer("run", 64, 1, 1'000'000, "tokens that are collected before rows are ranked"),
        core::Option::choice("proxy", "k2k", {"k2k", "random"},
                             "stand-in for the stream's queries: k2k = each token's own key at norm tau, random = one "
                             "public random direction a token at norm tau"),
        core::Option::boolean("official", false,
                              "as in the published code: merged rows are plain means whatever their sizes, and a "
                              "merged size counts times its cosine; false: means weighted by size, sizes add"),
        format_option(),
        keys_option()};
    return table;
  }
  std::optional<std::uint64_t> message_bits(const PublicParams& params) const override {
    const Shape shape(params);
    return static_cast<std::uint64_t>(shape.kept) * shape.row_bits();
  }
  Fit fit(const PublicParams& params, std::uint64_t budget_bits) const override {
    PublicParams trial = params;
    trial.options["kept"] = 1;
    const std::uint64_t least = Shape(trial).row_bits();
    if (budget_bits < least) return {std::nullopt, least};
    trial.options["kept"] = std::min<std::uint64_t>(budget_bits / least, static_cast<std::uint64_t>(params.tokens()));
    return {trial.options, least};
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<DiffRateEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<DiffRateDecoder>(params, std::move(reader));
  }
  Index held_rows(const PublicParams& params) const override {
    const Shape shape(params);
    return std::min(params.tokens(), shape.kept + shape.run);
  }
  double operations(const PublicParams& params, Index queries) const override {
    const Shape shape(params);
    const double parties = shape.rows.stored_keys ? 1 : 2, d = static_cast<double>(params.d);
    return Scheme::operations(params, queries) +
           parties * (4 * static_cast<double>(params.tokens()) * static_cast<double>(shape.kept + shape.run) * (d + 8) +
                      4e6 * d);
  }
};

const core::Registration<Scheme, DiffRate> registration;

}  // namespace
}  // namespace kvfrontier::schemes::diffrate
