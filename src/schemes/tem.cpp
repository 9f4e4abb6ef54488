// Topology-aware embeddings: every stored row is a fixed weighted sum of the rows around one token in the public graph
// of the pyramid. Weights and stored tokens are public, so the message is a linear measurement of the stream and needs
// no index.

#include <Eigen/SparseCholesky>
#include <algorithm>
#include <boost/random/exponential_distribution.hpp>
#include <cmath>
#include <utility>
#include <vector>

#include "attention/attention.hpp"
#include "core/errors.hpp"
#include "schemes/codec/kept_rows.hpp"
#include "schemes/codec/map_buffer.hpp"
#include "schemes/codec/pyramid_graph.hpp"

namespace kvfrontier::schemes::tem {

enum class Aggregation { appnp, sgc, s2gc };
enum class Coverage { degree, ball };
enum class Split { proportional, equal };
enum class DecoderKind { average, invert };
enum class Penalty { identity, laplacian };

}  // namespace kvfrontier::schemes::tem

template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::tem::Aggregation> {
  static constexpr std::array names{"appnp", "sgc", "s2gc"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::tem::Coverage> {
  static constexpr std::array names{"degree", "ball"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::tem::Split> {
  static constexpr std::array names{"proportional", "equal"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::tem::DecoderKind> {
  static constexpr std::array names{"average", "invert"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::schemes::tem::Penalty> {
  static constexpr std::array names{"identity", "laplacian"};
};

namespace kvfrontier::schemes::tem {
namespace {

using core::RowMatrixD;
using core::RowMatrixF;

struct TemOptions {
  std::optional<Index> nodes;
  Aggregation aggregation = Aggregation::appnp;
  int hops = 2;
  double alpha = 0.05;
  Coverage coverage = Coverage::degree;
  Split split = Split::proportional;
  bool grid = true;
  DecoderKind decoder = DecoderKind::average;
  Penalty penalty = Penalty::identity;
  double ridge = 1e-3;
  core::FloatFormat format = core::FloatFormat::fp16;
  Keys keys = Keys::stored;

  static core::MemberList<TemOptions> members() {
    return {core::member("nodes", &TemOptions::nodes, "tokens whose average is stored").range(1, 1e9).sized(),
            core::member("aggregation", &TemOptions::aggregation,
                         "weights as a polynomial of the normalised adjacency A: sgc A^hops; s2gc alpha + (1 - "
                         "alpha)/hops sum A^i; appnp with restart alpha"),
            core::member("hops", &TemOptions::hops, "radius of the neighbourhood; 0: the token alone").range(0, 16),
            core::member("alpha", &TemOptions::alpha, "share of the token itself in s2gc and appnp").range(0, 1),
            core::member("coverage", &TemOptions::coverage,
                         "tokens are sampled in proportion to their degree, or to the size of their neighbourhood"),
            core::member("split", &TemOptions::split,
                         "stored tokens of a map: in proportion to its size, or the same number for all"),
            core::member("grid", &TemOptions::grid, "connect the four neighbours inside a map too"),
            core::member("decoder", &TemOptions::decoder,
                         "average: attention over the stored rows with the tokens they cover as weights; invert: over "
                         "the least-squares stream with a penalty"),
            core::member("penalty", &TemOptions::penalty,
                         "decoder = invert: size of the stream, or its differences along edges"),
            core::member("ridge", &TemOptions::ridge, "decoder = invert: weight of the penalty").range(1e-9, 1e3),
            format_member(&TemOptions::format),
            keys_member(&TemOptions::keys)};
  }
};

const TemOptions& options_of(const PublicParams& params) {
  return params.options.as<TemOptions>();
}
RowFormat format_of(const PublicParams& params) {
  return {params.d, options_of(params).keys == Keys::stored, options_of(params).format};
}
Index stored_nodes(const PublicParams& params) {
  return std::min(options_of(params).nodes.value(), params.tokens());
}

// How many nodes of each map are stored.
std::vector<Index> nodes_of_maps(const PublicParams& params) {
  const geometry::Schedule& schedule = params.schedule;
  const Index nodes = stored_nodes(params);
  std::vector<Index> shares;
  Index left = nodes;
  for (int map = 0; map < schedule.map_count(); ++map) {
    const Index begin = schedule.first_token(map), end = schedule.first_token(map + 1);
    // Equal shares: what a small map cannot use goes to the larger maps after it.
    const Index share = options_of(params).split == Split::proportional
                            ? nodes * end / schedule.tokens() - nodes * begin / schedule.tokens()
                            : std::min(end - begin, left / (schedule.map_count() - map));
    shares.push_back(share);
    left -= share;
  }
  return shares;
}

// Coverage sampling: without replacement, each draw in proportion to what a node covers. (Efraimidis and Spirakis 2006:
// the nodes with the smallest exponential variates at these rates.)
std::vector<Index> sampled_nodes(const PublicParams& params, const PyramidGraph& graph, int hops) {
  const std::vector<Index> shares = nodes_of_maps(params);
  std::vector<Index> nodes;
  for (int map = 0; map < params.schedule.map_count(); ++map) {
    std::vector<std::pair<double, Index>> arrivals;
    for (Index node = params.schedule.first_token(map); node < params.schedule.first_token(map + 1); ++node) {
      core::Stream stream(params.coins, core::Purpose("tem/sample"), node);
      const double covers =
          options_of(params).coverage == Coverage::degree ? graph.degree(node) : std::ssize(graph.ball(node, hops));
      arrivals.emplace_back(boost::random::exponential_distribution<double>(covers)(stream), node);
    }
    std::sort(arrivals.begin(), arrivals.end());
    for (Index i = 0; i < shares[map]; ++i) nodes.push_back(arrivals[i].second);
  }
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

// Coefficients of the powers 0 .. hops of the normalised adjacency.
std::vector<double> polynomial(Aggregation aggregation, int hops, double alpha) {
  std::vector<double> coefficients(hops + 1, 0);
  if (hops == 0) return {1};
  if (aggregation == Aggregation::sgc) {
    coefficients.back() = 1;
  } else if (aggregation == Aggregation::s2gc) {
    coefficients.assign(coefficients.size(), (1 - alpha) / hops);
    coefficients.front() = alpha;
  } else {
    for (int i = 0; i < hops; ++i) coefficients[i] = alpha * std::pow(1 - alpha, i);
    coefficients.back() = std::pow(1 - alpha, hops);
  }
  return coefficients;
}

// What both parties know: which nodes are stored, and the weight of every token in each of them.
struct Measurement {
  explicit Measurement(const PublicParams& params)
      : graph(params.schedule, options_of(params).grid), hops(options_of(params).hops) {
    nodes = sampled_nodes(params, graph, hops);
    SparseRows power(std::ssize(nodes), graph.nodes());
    for (Index i = 0; i < std::ssize(nodes); ++i) power.insert(i, nodes[i]) = 1;
    const SparseRows adjacency = graph.normalised_adjacency();
    weights.resize(power.rows(), power.cols());
    for (const double coefficient : polynomial(options_of(params).aggregation, hops, options_of(params).alpha)) {
      weights += coefficient * power;
      power = power * adjacency;
    }
  }

  // Number of tokens that each stored row represents: the stored nodes whose neighbourhood contains a token share it
  // equally; a token in no such neighbourhood goes to the nearest stored node.
  Eigen::VectorXd coverage() const {
    std::vector<std::vector<Index>> covering(graph.nodes());
    for (Index i = 0; i < std::ssize(nodes); ++i) {
      for (const Index node : graph.ball(nodes[i], hops)) covering[node].push_back(i);
    }
    const std::vector<Index> nearest = graph.nearest(nodes);
    Eigen::VectorXd tokens = Eigen::VectorXd::Zero(std::ssize(nodes));
    for (Index node = 0; node < graph.nodes(); ++node) {
      for (const Index i : covering[node]) tokens[i] += 1.0 / std::ssize(covering[node]);
      if (covering[node].empty()) {
        // Tokens without a path to any stored node count for none.
        const auto owner = std::lower_bound(nodes.begin(), nodes.end(), nearest[node]);
        if (nearest[node] >= 0) tokens[owner - nodes.begin()] += 1;
      }
    }
    return tokens;
  }

  PyramidGraph graph;
  int hops;
  std::vector<Index> nodes;
  SparseRows weights;  // stored nodes x tokens
};

class TemEncoder : public Encoder {
 public:
  explicit TemEncoder(const PublicParams& params)
      : rows_(format_of(params)),
        weights_(Measurement(params).weights),
        sums_(RowMatrixD::Zero(weights_.rows(), 2 * params.d)) {}

  void absorb(const TokenBlock& block) override {
    Eigen::RowVectorXd row(sums_.cols());
    for (Index i = 0; i < block.count(); ++i) {
      row << block.keys.row(i).cast<double>(), block.values.row(i).cast<double>();
      for (Columns::InnerIterator entry(weights_, block.first + i); entry; ++entry)
        sums_.row(entry.row()) += entry.value() * row;
    }
  }
  Bits state_bits() const override { return sums_.rows() * rows_.bits_per_row(); }
  // Sums are kept in double.
  Bits working_bits() const override {
    return 64 * sums_.rows() * rows_.d * (rows_.stored_keys ? 2 : 1) - state_bits();
  }
  void write(core::BitWriter& writer) const override {
    if (rows_.stored_keys) {
      writer.section("keys");
      put_rows(writer, rows_.format, sums_.leftCols(rows_.d).cast<float>());
    }
    writer.section("values");
    put_rows(writer, rows_.format, sums_.rightCols(rows_.d).cast<float>());
  }

 private:
  using Columns = Eigen::SparseMatrix<double>;
  RowFormat rows_;
  Columns weights_;
  RowMatrixD sums_;
};

class TemDecoder : public Decoder {
 public:
  TemDecoder(const PublicParams& params, core::BitReader reader) {
    const TemOptions& options = options_of(params);
    const RowFormat rows = format_of(params);
    const Measurement measurement(params);
    const Index stored = measurement.weights.rows();
    if (rows.stored_keys) {
      keys_ = get_rows(reader, rows.format, stored, params.d).cast<double>();
    } else {
      keys_ = public_keys(params, all_tokens(params.tokens())).cast<double>();
    }
    values_ = get_rows(reader, rows.format, stored, params.d).cast<double>();
    if (options.decoder == DecoderKind::average) {
      if (!rows.stored_keys) keys_ = measurement.weights * keys_;
      log_weights_ = measurement.coverage().array().log();
      return;
    }
    // Inversion: the smooth stream with these measurements.
    SparseRows penalty(params.tokens(), params.tokens());
    penalty.setIdentity();
    if (options.penalty == Penalty::laplacian) {
      // Tokens that no measurement reaches stay near 0.
      const SparseRows laplacian = measurement.graph.laplacian();
      penalty = SparseRows(laplacian.transpose() * laplacian) + 1e-6 * penalty;
    }
    const Eigen::SparseMatrix<double> normal =
        Eigen::SparseMatrix<double>(measurement.weights.transpose() * measurement.weights) +
        Eigen::SparseMatrix<double>(options.ridge * penalty);
    const Eigen::SimplicialLDLT<Eigen::SparseMatrix<double>> solver(normal);
    const auto recovered = [&](const RowMatrixD& measured) -> RowMatrixD {
      return solver.solve(Eigen::MatrixXd(measurement.weights.transpose() * measured));
    };
    if (rows.stored_keys) keys_ = recovered(keys_);
    values_ = recovered(values_);
  }

  RowMatrixD attend(core::RowsViewD queries) const override {
    attention::SoftmaxAttention<double> attention(queries, values_.cols());
    attention.absorb(keys_, values_, log_weights_.size() > 0 ? log_weights_.data() : nullptr);
    return attention.result();
  }

 private:
  RowMatrixD keys_, values_;
  Eigen::VectorXd log_weights_;
};

class Tem : public Scheme {
 public:
  std::string name() const override { return "tem"; }
  std::string summary() const override {
    return "rows averaged over their neighbourhood in the public graph of the pyramid, stored for a public sample of "
           "tokens";
  }
  std::string surrogates() const override {
    return "the pyramid in place of the data graph, maps in place of classes; labels, network and replay are left out; "
           "decoder = invert, which solves for the stream, is not part of the paper";
  }
  std::string paper() const override {
    return "Zhang et al., Topology-aware Embedding Memory for Continual Learning on Expanding Networks, KDD 2024";
  }
  std::string guarantee() const override {
    return "none; exact with all nodes and no hops; with all nodes and decoder = invert exact as the ridge and the "
           "rounding of floats go to 0";
  }
  const core::OptionTable& options() const override { return core::table_of<TemOptions>(); }
  std::optional<Bits> message_bits(const PublicParams& params) const override {
    return stored_nodes(params) * format_of(params).bits_per_row();
  }
  Fit fit(const PublicParams& params, Bits budget_bits) const override {
    const RowFormat format = format_of(params);
    const Index rows = rows_in(format, budget_bits, params.tokens());
    if (rows == 0) return {std::nullopt, format.bits_per_row()};
    TemOptions options = options_of(params);
    options.nodes = rows;
    return {options, format.bits_per_row()};
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<TemEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<TemDecoder>(params, std::move(reader));
  }
  double operations(const PublicParams& params, Index queries) const override {
    const double hops = options_of(params).hops, tokens = params.tokens();
    return Scheme::operations(params, queries) + tokens * (1 + 8 * hops * hops) * (200 + 4.0 * params.d);
  }
};

const core::Registration<Scheme, Tem> registration;

}  // namespace
}  // namespace kvfrontier::schemes::tem
