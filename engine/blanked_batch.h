// Data batches without the lines that are about people who were erased.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/result.h"
#include "engine/row_decoder.h"
#include "storage/record.h"

namespace muster::engine {

// Takes the text of lines out of a batch.  Requires lines that ascend.
// Errors: those of RowDecoder::places().
Status take_out(storage::DataBatch& batch, std::span<const std::uint64_t> lines,
                const RowDecoder& decoder);

// The reasons for which these lines, ascending, were refused may quote them: they go.
inline constexpr const char* kForgottenReason = "was about a profile that was erased";
void forget_reasons(storage::DataBatch& batch, std::span<const std::uint64_t> lines);

// Why a log cannot be replayed from before this record.
Error lost_to_compaction(std::uint64_t record);

// What an idempotency key stands for: of the request as it came, whatever was taken out since.
Hash128 request_hash(storage::TableKind table, const std::string& name, std::string_view bytes);
Hash128 request_hash(const storage::DataBatch& batch);

}  // namespace muster::engine
