import CDNNL
package import Tensors

extension Workspace {
  /// Whether the processor computes with bfloat16 numbers.
  package static let hasBFloat16 = cdnnl_has_bfloat16()

  /// A float32 tensor rounded to bfloat16, or a bfloat16 one as float32, in its layout.
  package func changingPrecision(of x: Tensor, to type: ElementType) throws(KernelError) -> Tensor {
    let count = x.layout.paddedCount(of: x.shape)
    let result = tensor(type, x.shape, layout: x.layout)
    switch (x.elementType, type) {
    case (.float32, .bfloat16):
      let source = x.address.assumingMemoryBound(to: Float.self)
      let target = result.address.assumingMemoryBound(to: UInt16.self)
      parallel(count) {
        cdnnl_narrow(source + $0.lowerBound, $0.count, target + $0.lowerBound)
      }
    case (.bfloat16, .float32):
      let source = x.address.assumingMemoryBound(to: UInt16.self)
      let target = result.address.assumingMemoryBound(to: Float.self)
      parallel(count) {
        cdnnl_widen(source + $0.lowerBound, $0.count, target + $0.lowerBound)
      }
    default: throw KernelError("\(x.elementType) cannot be made \(type)")
    }
    withExtendedLifetime(x) {}
    return result
  }
}
