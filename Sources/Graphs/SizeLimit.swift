import Foundation
import Kernels
import Tensors

extension TensorType {
  /// Bytes of memory in this machine: no tensor can be larger.
  private static let limit = Int(clamping: ProcessInfo.processInfo.physicalMemory)

  /// Bytes of a tensor of this type.
  ///
  /// - Throws: `OperatorError` if they are more than this machine's memory, which a few bytes of a
  ///   file can ask for.
  func checkedByteCount() throws(OperatorError) -> Int {
    let (bytes, overflow) = shape.elementCount.multipliedReportingOverflow(by: elementType.size)
    guard !overflow, bytes <= Self.limit else {
      throw OperatorError("its output \(self) is larger than this machine's memory")
    }
    return bytes
  }
}
