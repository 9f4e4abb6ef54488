#include "schemes/codec/value_reservoir.hpp"

#include <algorithm>

namespace kvfrontier::schemes {

ValueReservoir::ValueReservoir(core::FloatFormat format, const PublicParams& params, Index slots)
    : format_(format),
      coins_(params.coins),
      slots_(slots),
      keys_(core::RowMatrixF::Zero(slots, params.d)),
      values_(core::RowMatrixF::Zero(slots, params.d)),
      key_row_(params.d),
      value_row_(params.d) {}

void ValueReservoir::offer(Index token, const float* key, const float* value) {
  core::store_floats(format_, key, key_row_.data(), key_row_.size());
  core::store_floats(format_, value, value_row_.data(), value_row_.size());
  double square = 0;
  for (const float x : value_row_) square += static_cast<double>(x) * x;
  if (square == 0) return;
  mass_ += square;
  core::Stream coins(coins_, core::Purpose("subgen/values"), token);
  for_each_hit(coins, square / mass_, slots_, [&](Index slot) {
    std::copy(key_row_.begin(), key_row_.end(), keys_.row(slot).data());
    std::copy(value_row_.begin(), value_row_.end(), values_.row(slot).data());
  });
}

void ValueReservoir::write(core::BitWriter& writer) const {
  writer.section("mass");
  const auto mass = static_cast<float>(mass_);
  core::put_floats(writer, core::FloatFormat::fp32, &mass, 1);
  writer.section("keys");
  core::put_floats(writer, format_, keys_.data(), keys_.size());
  writer.section("values");
  core::put_floats(writer, format_, values_.data(), values_.size());
}

ValueSamples::ValueSamples(core::FloatFormat format, const PublicParams& params, core::BitReader& reader, Index slots)
    : weights(Eigen::VectorXd::Zero(slots)) {
  float mass;
  core::get_floats(reader, core::FloatFormat::fp32, &mass, 1);
  if (!(mass >= 0) || !std::isfinite(mass)) throw core::DataError("the sum of squared values is no length");
  core::RowMatrixF rows(slots, params.d);
  core::get_floats(reader, format, rows.data(), rows.size());
  keys = rows.cast<double>();
  core::get_floats(reader, format, rows.data(), rows.size());
  values = rows.cast<double>();
  if (!keys.allFinite() || !values.allFinite()) throw core::DataError("a sampled row is not finite");
  for (Index j = 0; j < slots; ++j) {
    const double square = values.row(j).squaredNorm();
    if (square > 0) weights[j] = static_cast<double>(mass) / (static_cast<double>(slots) * square);
  }
}

}  // namespace kvfrontier::schemes
