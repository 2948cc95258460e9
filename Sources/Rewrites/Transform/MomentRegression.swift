import Kernels

/// A ridge regression from second moments, whose memory depends on the length of a patch only.
///
///     X (A + shift) = R      A = sum u u^T      R = sum (z - W u) u^T, or sum u^T for absorption
struct MomentRegression: RidgeRegression {
  /// The sums over one part of the patches.
  private struct Moments {
    var gram: Matrix
    /// The sum of z u^T for reconstruction, of u^T for absorption.
    var cross: Matrix
    var targetEnergy = 0.0
    var rows = 0

    init(length: Int, outputs: Int) throws(KernelError) {
      gram = try Matrix(rows: length, columns: length)
      cross = try Matrix(rows: outputs, columns: length)
    }

    mutating func add(_ patches: Matrix, _ targets: Matrix?) throws(KernelError) {
      try gram.addGram(of: patches)
      if let targets {
        try cross.add(targets, patches, transposingA: true)
        targetEnergy += targets.energy
      } else {
        try cross.add(try Matrix.ones(patches.rows), patches)
      }
      rows += patches.rows
    }

    var isFinite: Bool { gram.trace.isFinite && targetEnergy.isFinite }
  }

  private let method: CalibrationMethod
  private var fit: Moments
  private var heldOut: Moments
  private var bias: [Double] = []
  private(set) var heldOutTargetEnergy = 0.0
  private(set) var heldOutEnergy = 0.0

  /// A regression for patches of this length in a group of so many outputs.
  init(_ method: CalibrationMethod, length: Int, outputs: Int) throws(KernelError) {
    self.method = method
    fit = try Moments(length: length, outputs: method == .absorption ? 1 : outputs)
    heldOut = fit
  }

  mutating func add(
    _ patches: Matrix, _ targets: Matrix?, isHeldOut: Bool
  ) throws(KernelError) {
    if isHeldOut {
      try heldOut.add(patches, targets)
    } else {
      try fit.add(patches, targets)
    }
  }

  var isFinite: Bool { fit.isFinite && heldOut.isFinite }

  mutating func prepare(
    bias: [Double], weights: (Range<Int>) throws(KernelError) -> Matrix
  ) throws(KernelError) {
    self.bias = bias
    fit.gram.mirror()
    heldOut.gram.mirror()
    let weights = try weights(0..<bias.count)
    let products = try Matrix.product(weights, heldOut.gram)
    switch method {
    case .reconstruction:
      // |z - W u|² = |z|² - 2 W z u^T + W u u^T W^T, summed.
      heldOutTargetEnergy = heldOut.targetEnergy
      heldOutEnergy = max(
        0,
        heldOut.targetEnergy - 2 * weights.dot(heldOut.cross) + weights.dot(products))
      try fit.cross.add(weights, fit.gram, scale: -1)
      try heldOut.cross.add(weights, heldOut.gram, scale: -1)
    case .absorption:
      let energy = bias.reduce(0) { $0 + $1 * $1 } * Double(heldOut.rows)
      let means = try Matrix.product(weights, heldOut.cross, transposingB: true)
      let mixed = zip(bias, means.elements).reduce(0) { $0 + $1.0 * $1.1 }
      heldOutTargetEnergy = max(0, weights.dot(products) + 2 * mixed + energy)
      heldOutEnergy = energy
    }
  }

  func solution(strength: Double) throws(KernelError) -> Matrix {
    let trace = fit.gram.trace
    guard trace > 0 else {
      return try Matrix(rows: fit.cross.rows, columns: fit.cross.columns)
    }
    let rank = min(fit.gram.columns, fit.rows)
    return try fit.gram.solve(fit.cross, shift: strength * trace / Double(rank))
  }

  func heldOutEnergy(of solution: Matrix) throws(KernelError) -> Double {
    let products = try Matrix.product(solution, heldOut.gram)
    let change = solution.dot(products) - 2 * solution.dot(heldOut.cross)
    let factor = method == .absorption ? bias.reduce(0) { $0 + $1 * $1 } : 1
    return max(0, heldOutEnergy + factor * change)
  }

  func correction(_ solution: Matrix, _ range: Range<Int>) throws(KernelError) -> Matrix {
    method == .absorption
      ? try Self.outer(bias[range], solution.elements) : try solution.rows(range)
  }
}
