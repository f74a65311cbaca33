#include "needle/window.h"

#include "needle/shaping.h"

namespace ndl {

using ir::Attr;
using ir::Op;

Tensor conv(const Operand& x, const Operand& kernel, const ConvOptions& options) {
  const OperandDType dtypes[] = {x.dtype(), kernel.dtype()};
  const DType dtype = promote(dtypes);
  return Tensor(make_record(Op::kConv, {astype(x, dtype).record(), astype(kernel, dtype).record()},
                            {{Attr::kStride, options.stride},
                             {Attr::kLow, options.low},
                             {Attr::kHigh, options.high},
                             {Attr::kDilation, options.dilation},
                             {Attr::kBaseDilation, options.base_dilation},
                             {Attr::kGroups, options.groups}},
                            nullptr, x.location()));
}

Tensor reduce_window(const Operand& x, ir::ReduceKind kind, ir::Dims size,
                     const WindowOptions& options) {
  return Tensor(make_record(Op::kReduceWindow, {x.record()},
                            {{Attr::kKind, static_cast<std::int64_t>(kind)},
                             {Attr::kSize, std::move(size)},
                             {Attr::kStride, options.stride},
                             {Attr::kLow, options.low},
                             {Attr::kHigh, options.high},
                             {Attr::kDilation, options.dilation}},
                            nullptr, x.location()));
}

}  // namespace ndl
