#pragma once
// For schemes that code a token map when it is complete: the rows of the unfinished map. A message that is written in
// the middle of a map ends with these rows as they are.

#include "schemes/codec/kept_rows.hpp"

namespace kvfrontier::schemes {

class MapBuffer {
 public:
  MapBuffer(const geometry::Schedule& schedule, const RowFormat& format) : schedule_(schedule), format_(format) {}

  // Takes a block; true when it completes its map. The caller codes the map and clears the buffer.
  bool add(const TokenBlock& block);
  void clear() { count_ = 0; }

  int map() const { return map_; }
  Index count() const { return count_; }
  core::RowsViewF keys() const { return keys_.topRows(count_); }
  core::RowsViewF values() const { return values_.topRows(count_); }

  Bits bits() const { return count_ * format_.bits_per_row(); }
  // Rows wait in single precision, although the message would hold them in their format; keys wait even when the
  // message has none.
  Bits working_bits() const { return count_ * 64 * format_.d - bits(); }
  void write(core::BitWriter& writer) const;

 private:
  geometry::Schedule schedule_;
  RowFormat format_;
  core::RowMatrixF keys_, values_;
  int map_ = 0;
  Index count_ = 0;
};

// Rows in row-major order, every entry in `format`.
void put_rows(core::BitWriter& writer, core::FloatFormat format, const core::RowMatrixF& rows);
core::RowMatrixF get_rows(core::BitReader& reader, core::FloatFormat format, Index count, Index width);

}  // namespace kvfrontier::schemes
