import CONNXCheck

/// The model checker of libonnx.
package enum Checker {
  /// What the checker says of a model.
  package enum Verdict: Hashable, Sendable {
    case valid
    /// The model breaks a rule; the text is libonnx's.
    case invalid(String)
    /// The model is newer than the library, in what the text says, and was not checked.
    case notCovered(String)
    /// The checker itself gave up.
    case failed(String)
  }

  /// The newest opset of the standard operators that the library covers.
  package static var newestOpset: Int { Int(connxcheck_max_opset()) }

  /// The newest IR version that the library covers.
  package static var newestIRVersion: Int { Int(connxcheck_max_ir_version()) }

  /// Checks a serialized ModelProto that holds all its data.
  package static func check(model bytes: UnsafeRawBufferPointer) -> Verdict {
    verdict { connxcheck_model(bytes.baseAddress, bytes.count, $0, $1) }
  }

  /// Checks a model without its large and external tensors; graph inputs stand in for them.
  static func check(skeleton bytes: UnsafeRawBufferPointer) -> Verdict {
    verdict { connxcheck_skeleton(bytes.baseAddress, bytes.count, $0, $1) }
  }

  private static func verdict(
    _ check: (UnsafeMutablePointer<CChar>?, Int) -> connxcheck_verdict
  ) -> Verdict {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
      buffer.initialize(repeating: 0)
      let verdict = check(buffer.baseAddress, buffer.count)
      // libonnx breaks lines.
      let text = (buffer.baseAddress.map { String(cString: $0) } ?? "")
        .split(whereSeparator: \.isWhitespace).joined(separator: " ")
      return switch verdict {
      case CONNXCHECK_VALID: .valid
      case CONNXCHECK_INVALID: .invalid(text)
      case CONNXCHECK_NOT_COVERED: .notCovered(text)
      default: .failed(text)
      }
    }
  }
}
