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
namespace {

using core::RowMatrixD;
using core::RowMatrixF;

Index stored_nodes(const PublicParams& params) {
  return std::min(params.options.at("nodes").get<Index>(), params.tokens());
}

// How many nodes of each map are stored.
std::vector<Index> nodes_of_maps(const PublicParams& params) {
  const geometry::Schedule& schedule = params.schedule;
  const Index nodes = stored_nodes(params);
  std::vector<Index> shares;
  Index left = nodes;
  for (int scale = 0; scale < schedule.scales(); ++scale) {
    const Index begin = schedule.first_token(scale), end = schedule.first_token(scale + 1);
    // Equal shares: what a small map cannot use goes to the larger ones after it.
    const Index share = params.options.at("split") == "proportional"
                            ? nodes * end / schedule.tokens() - nodes * begin / schedule.tokens()
                            : std::min(end - begin, left / (schedule.scales() - scale));
    shares.push_back(share);
    left -= share;
  }
  return shares;
}

// Coverage sampling: without replacement, each draw in proportion to what a node covers. (Efraimidis and Spirakis 2006:
// the smallest exponential variates at these rates.)
std::vector<Index> sampled_nodes(const PublicParams& params, const PyramidGraph& graph, int hops) {
  const std::vector<Index> shares = nodes_of_maps(params);
  std::vector<Index> nodes;
  for (int scale = 0; scale < params.schedule.scales(); ++scale) {
    std::vector<std::pair<double, Index>> arrivals;
    for (Index node = params.schedule.first_token(scale); node < params.schedule.first_token(scale + 1); ++node) {
      core::Stream stream(params.key, core::Purpose("tem/sample"), static_cast<std::uint64_t>(node));
      const double covers = params.options.at("coverage") == "degree"
                                ? graph.degree(node)
                                : static_cast<double>(graph.ball(node, hops).size());
      arrivals.emplace_back(boost::random::exponential_distribution<double>(covers)(stream), node);
    }
    std::sort(arrivals.begin(), arrivals.end());
    for (Index i = 0; i < shares[static_cast<std::size_t>(scale)]; ++i)
      nodes.push_back(arrivals[static_cast<std::size_t>(i)].second);
  }
  std::sort(nodes.begin(), nodes.end());
  return nodes;
}

// Coefficients of the powers 0 .. hops of the normalised adjacency.
std::vector<double> polynomial(const std::string& aggregation, int hops, double alpha) {
  std::vector<double> coefficients(static_cast<std::size_t>(hops) + 1, 0);
  if (hops == 0) return {1};
  if (aggregation == "sgc") {
    coefficients.back() = 1;
  } else if (aggregation == "s2gc") {
    coefficients.assign(coefficients.size(), (1 - alpha) / hops);
    coefficients.front() = alpha;
  } else {
    for (int i = 0; i < hops; ++i) coefficients[static_cast<std::size_t>(i)] = alpha * std::pow(1 - alpha, i);
    coefficients.back() = std::pow(1 - alpha, hops);
  }
  return coefficients;
}

// What both parties know: which nodes are stored, and the weight of every token in each of them.
struct Measurement {
  explicit Measurement(const PublicParams& params)
      : graph(params.schedule, params.options.at("grid").get<bool>()), hops(params.options.at("hops").get<int>()) {
    nodes = sampled_nodes(params, graph, hops);
    SparseRows power(static_cast<Index>(nodes.size()), graph.nodes());
    for (std::size_t i = 0; i < nodes.size(); ++i) power.insert(static_cast<Index>(i), nodes[i]) = 1;
    const SparseRows adjacency = graph.normalised_adjacency();
    weights.resize(power.rows(), power.cols());
    for (const double coefficient :
         polynomial(params.options.at("aggregation"), hops, params.options.at("alpha").get<double>())) {
      weights += coefficient * power;
      power = power * adjacency;
    }
  }

  // Tokens that a stored row stands for: every token is shared out equally among the stored nodes whose neighbourhood
  // it lies in, and goes to the nearest stored node where there is none.
  Eigen::VectorXd coverage() const {
    std::vector<std::vector<Index>> covering(static_cast<std::size_t>(graph.nodes()));
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      for (const Index node : graph.ball(nodes[i], hops))
        covering[static_cast<std::size_t>(node)].push_back(static_cast<Index>(i));
    }
    const std::vector<Index> nearest = graph.nearest(nodes);
    Eigen::VectorXd tokens = Eigen::VectorXd::Zero(static_cast<Index>(nodes.size()));
    for (std::size_t node = 0; node < covering.size(); ++node) {
      for (const Index i : covering[node]) tokens[i] += 1 / static_cast<double>(covering[node].size());
      if (covering[node].empty()) {
        // Maps without edges to any stored node (no grid, no map before) count for nobody.
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
      : rows_(RowFormat::of(params)),
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
  std::uint64_t state_bits() const override { return static_cast<std::uint64_t>(sums_.rows()) * rows_.bits_per_row(); }
  // Sums are kept in double.
  std::uint64_t working_bits() const override {
    return 64 * static_cast<std::uint64_t>(sums_.rows() * rows_.d * (rows_.stored_keys ? 2 : 1)) - state_bits();
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
    const RowFormat rows = RowFormat::of(params);
    const Measurement measurement(params);
    const Index stored = measurement.weights.rows();
    if (rows.stored_keys) {
      keys_ = get_rows(reader, rows.format, stored, params.d).cast<double>();
    } else {
      keys_ = public_keys(params, all_tokens(params.tokens())).cast<double>();
    }
    values_ = get_rows(reader, rows.format, stored, params.d).cast<double>();
    if (params.options.at("decoder") == "average") {
      if (!rows.stored_keys) keys_ = measurement.weights * keys_;
      log_weights_ = measurement.coverage().array().log();
      return;
    }
    // Inversion: the stream that is smooth and measures like this.
    const double ridge = params.options.at("ridge");
    SparseRows penalty(params.tokens(), params.tokens());
    penalty.setIdentity();
    if (params.options.at("penalty") == "laplacian") {
      // What no measurement and no edge to one touches stays near 0.
      const SparseRows laplacian = measurement.graph.laplacian();
      penalty = SparseRows(laplacian.transpose() * laplacian) + 1e-6 * penalty;
    }
    const Eigen::SparseMatrix<double> normal =
        Eigen::SparseMatrix<double>(measurement.weights.transpose() * measurement.weights) +
        Eigen::SparseMatrix<double>(ridge * penalty);
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
    return "the pyramid stands for the data graph and maps for classes; labels, network and replay are left out; "
           "decoder = invert, which solves for the stream, is no part of the paper";
  }
  std::string paper() const override {
    return "Zhang et al., Topology-aware Embedding Memory for Continual Learning on Expanding Networks, KDD 2024";
  }
  std::string guarantee() const override {
    return "none; with all nodes and no hops the exact cache, with all nodes and decoder = invert exact as the ridge "
           "and the rounding of floats go to 0";
  }
  const core::OptionTable& options() const override {
    static const core::OptionTable table{
        core::Option::integer("nodes", {}, 1, 1'000'000'000, "tokens whose average is stored").sized(),
        core::Option::choice("aggregation", "appnp", {"appnp", "sgc", "s2gc"},
                             "weights as a polynomial of the normalised adjacency A: sgc A^hops; s2gc alpha + (1 - "
                             "alpha)/hops sum A^i; appnp with restart alpha"),
        core::Option::integer("hops", 2, 0, 16, "radius of the neighbourhood; 0: the token alone"),
        core::Option::real("alpha", 0.05, 0, 1, "share of the token itself in s2gc and appnp"),
        core::Option::choice("coverage", "degree", {"degree", "ball"},
                             "tokens are sampled in proportion to their degree, or to the size of their neighbourhood"),
        core::Option::choice("split", "proportional", {"proportional", "equal"},
                             "stored tokens of a map: in proportion to its size, or the same for all"),
        core::Option::boolean("grid", true, "connect the four neighbours inside a map too"),
        core::Option::choice("decoder", "average", {"average", "invert"},
                             "average: attention over the stored rows with the tokens they cover as weights; invert: "
                             "over the least-squares stream with a penalty"),
        core::Option::choice("penalty", "identity", {"identity", "laplacian"},
                             "decoder = invert: size of the stream, or its differences along edges"),
        core::Option::real("ridge", 1e-3, 1e-9, 1e3, "decoder = invert: weight of the penalty"),
        format_option(),
        keys_option()};
    return table;
  }
  std::optional<std::uint64_t> message_bits(const PublicParams& params) const override {
    return static_cast<std::uint64_t>(stored_nodes(params)) * RowFormat::of(params).bits_per_row();
  }
  Fit fit(const PublicParams& params, std::uint64_t budget_bits) const override {
    const RowFormat format = RowFormat::of(params);
    const Index rows = rows_in(format, budget_bits, params.tokens());
    if (rows == 0) return {std::nullopt, format.bits_per_row()};
    core::Json options = params.options;
    options["nodes"] = rows;
    return {options, format.bits_per_row()};
  }
  std::unique_ptr<Encoder> encoder(const PublicParams& params) const override {
    return std::make_unique<TemEncoder>(params);
  }
  std::unique_ptr<Decoder> decoder(const PublicParams& params, core::BitReader reader) const override {
    return std::make_unique<TemDecoder>(params, std::move(reader));
  }
  double operations(const PublicParams& params, Index queries) const override {
    const double hops = params.options.at("hops").get<double>(), tokens = static_cast<double>(params.tokens());
    return Scheme::operations(params, queries) +
           tokens * (1 + 8 * hops * hops) * (200 + 4 * static_cast<double>(params.d));
  }
};

const core::Registration<Scheme, Tem> registration;

}  // namespace
}  // namespace kvfrontier::schemes::tem
