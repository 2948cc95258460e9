import Kernels

/// The ridge regression of one group of a layer: what to add to its weights W so that they give, for
/// the patches u of the converted network, the pre-activations z of the original.
///
/// Reconstruction minimises E|z - (W + X)u|² + shift |X|². Absorption knows no z but W u + b, and
/// finds x such that x u is closest to 1: it adds b x. The mean square is taken over fitting patches;
/// the strength of the ridge is judged on held-out ones.
protocol RidgeRegression {
  /// Takes the rows of patches of a batch, and for reconstruction those of the pre-activations.
  mutating func add(_ patches: Matrix, _ targets: Matrix?, isHeldOut: Bool) throws(KernelError)

  /// Ends the adding and sets up the equations; `weights` gives rows of W.
  mutating func prepare(
    bias: [Double], weights: (Range<Int>) throws(KernelError) -> Matrix
  ) throws(KernelError)

  /// Whether all that was added so far is finite.
  var isFinite: Bool { get }

  /// The sum of squares of what the held-out outputs should be.
  var heldOutTargetEnergy: Double { get }

  /// The sum of squares of the held-out errors with the weights as they are.
  var heldOutEnergy: Double { get }

  /// The solution for a ridge of this strength, a part of the mean eigenvalue of E[u u^T].
  ///
  /// - Throws: if the equations are not positive definite.
  func solution(strength: Double) throws(KernelError) -> Matrix

  /// The sum of squares of the held-out errors with this solution.
  func heldOutEnergy(of solution: Matrix) throws(KernelError) -> Double

  /// These rows of what a solution adds to the weights.
  func correction(_ solution: Matrix, _ range: Range<Int>) throws(KernelError) -> Matrix
}

/// The strength of the ridge that is best for all groups of a layer, and what it gives.
struct RidgeChoice {
  /// nil where the weights as they are give the least held-out error.
  private(set) var strength: Double?
  private(set) var solutions: [Matrix] = []
  let energyBefore: Double
  private(set) var energy: Double
  let targetEnergy: Double

  init(_ groups: [any RidgeRegression], strengths: [Double]) throws(KernelError) {
    energyBefore = groups.reduce(0) { $0 + $1.heldOutEnergy }
    targetEnergy = groups.reduce(0) { $0 + $1.heldOutTargetEnergy }
    energy = energyBefore
    for strength in strengths {
      var candidates: [Matrix] = []
      var candidateEnergy = 0.0
      for group in groups {
        // A ridge that is too weak for the rounding of the moments is no candidate.
        guard let solution = try? group.solution(strength: strength) else { break }
        candidateEnergy += try group.heldOutEnergy(of: solution)
        candidates.append(solution)
      }
      guard candidates.count == groups.count, candidateEnergy < energy else { continue }
      (self.strength, solutions, energy) = (strength, candidates, candidateEnergy)
    }
  }
}

extension RidgeRegression {
  /// A row times a column: b x.
  static func outer(
    _ column: ArraySlice<Double>, _ row: [Double]
  ) throws(KernelError) -> Matrix {
    try Matrix(
      rows: column.count, columns: row.count, column.flatMap { b in row.map { b * $0 } })
  }
}

extension Matrix {
  /// A row of ones.
  static func ones(_ count: Int) throws(KernelError) -> Matrix {
    try Matrix(rows: 1, columns: count, [Double](repeating: 1, count: count))
  }

  /// The sum of squares.
  var energy: Double { elements.reduce(0) { $0 + $1 * $1 } }
}
