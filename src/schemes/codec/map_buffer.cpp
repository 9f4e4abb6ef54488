#include "schemes/codec/map_buffer.hpp"

namespace kvfrontier::schemes {

bool MapBuffer::add(const TokenBlock& block) {
  const Index begin = schedule_.first_token(block.map), end = schedule_.first_token(block.map + 1);
  if (count_ == 0) {
    map_ = block.map;
    keys_.resize(end - begin, format_.d);
    values_.resize(end - begin, format_.d);
  }
  keys_.middleRows(block.first - begin, block.count()) = block.keys;
  values_.middleRows(block.first - begin, block.count()) = block.values;
  count_ += block.count();
  return count_ == end - begin;
}

void MapBuffer::write(core::BitWriter& writer) const {
  if (count_ == 0) return;
  writer.section("map under way");
  if (format_.stored_keys) put_rows(writer, format_.format, keys());
  put_rows(writer, format_.format, values());
}

void put_rows(core::BitWriter& writer, core::FloatFormat format, const core::RowMatrixF& rows) {
  core::put_floats(writer, format, rows.data(), rows.size());
}

core::RowMatrixF get_rows(core::BitReader& reader, core::FloatFormat format, Index count, Index width) {
  core::RowMatrixF rows(count, width);
  core::get_floats(reader, format, rows.data(), rows.size());
  return rows;
}

}  // namespace kvfrontier::schemes
