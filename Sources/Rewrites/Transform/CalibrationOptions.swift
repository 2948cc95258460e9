/// How a bias-free network is fitted to pictures, layer by layer.
public enum CalibrationMethod: String, Sendable, Codable, CaseIterable {
  /// W' = W + b v^T, where v is the linear functional of the patches that is closest to the constant
  /// 1: the bias b moves into the weights.
  case absorption
  /// W' = the weights whose products with the converted network's patches are closest to the
  /// original's pre-activations: it repairs the layers before as well.
  case reconstruction
}

/// The choices that calibration leaves to its caller.
package struct CalibrationOptions: Sendable {
  package var method: CalibrationMethod
  /// What the sampled places depend on.
  package var seed: UInt64 = 0
  /// Pictures that run together: 1 unless the model takes any number of them.
  package var batchSize = 16
  /// Whether the model takes exactly `batchSize` pictures. An incomplete batch is then filled up with
  /// its own pictures.
  package var isBatchFixed = false
  /// Ridge strengths, as parts of the mean eigenvalue of the patches' second moment.
  package var strengths: [Double] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100]
  /// Patches that a layer is fitted to at most; 16 times the length of a patch if that is more.
  package var rowLimit = 65536
  /// Patches longer than this are fitted by the dual form.
  package var longestPatch = 4608
  /// Patches that the dual form keeps in memory at most.
  package var dualRowLimit = 2048

  package init(_ method: CalibrationMethod) { self.method = method }
}

/// What calibration did to a layer.
public struct CalibratedLayer: Sendable, Codable, Equatable {
  /// How the equations of a layer were solved.
  public enum Solution: String, Sendable, Codable {
    /// From the second moments of the patches.
    case normalEquations
    /// From the products of a sample of patches with each other.
    case dual
    /// The weights stayed as they were.
    case unchanged
  }

  private enum CodingKeys: String, CodingKey {
    case name, weights, patchLength, rows, heldOutRows, strength, errorBefore, errorAfter
    case solution, reason
    case operatorName = "operator"
  }

  /// The node's name.
  public let name: String
  public let operatorName: String
  /// The name of the constant that holds the weights.
  public let weights: String
  /// Numbers that each output is computed from.
  public let patchLength: Int
  /// Patches that it was fitted to, and judged on.
  public var rows = 0
  public var heldOutRows = 0
  /// The ridge strength that was best on the held-out patches.
  public var strength: Double?
  /// The root mean square error of the layer's output on held-out patches, divided by the root mean
  /// square of what it should be: with the weights as they were, and with the new ones.
  public var errorBefore: Double?
  public var errorAfter: Double?
  public var solution = Solution.unchanged
  /// Why the weights stayed as they were.
  public var reason: String?
}

/// How far calibration is.
package struct CalibrationProgress: Sendable {
  package let layersDone: Int
  package let layerCount: Int
  /// The part of the work that is done, from 0 to 1.
  package let share: Double
}
