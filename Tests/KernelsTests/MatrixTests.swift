import Kernels
import Tensors
import Testing

@Suite struct MatrixTests {
  private func random(_ rows: Int, _ columns: Int, seed: UInt64) throws -> Matrix {
    var generator = SplitMix64(seed: seed)
    return try Matrix(
      rows: rows, columns: columns,
      (0..<rows * columns).map { _ in Double.random(in: -1...1, using: &generator) })
  }

  /// The element of a matrix, or of its transpose.
  private func element(_ a: Matrix, _ row: Int, _ column: Int, transposed: Bool) -> Double {
    transposed ? a.elements[column * a.columns + row] : a.elements[row * a.columns + column]
  }

  @Test(arguments: [false, true], [false, true])
  func productsAreSumsOfProducts(transposingA: Bool, transposingB: Bool) throws {
    let a = try random(transposingA ? 7 : 4, transposingA ? 4 : 7, seed: 1)
    let b = try random(transposingB ? 5 : 7, transposingB ? 7 : 5, seed: 2)
    var sum = try random(4, 5, seed: 3)
    let before = sum
    try sum.add(a, b, transposingA: transposingA, transposingB: transposingB, scale: -2)
    for row in 0..<4 {
      for column in 0..<5 {
        let product = (0..<7).reduce(0.0) { sum, k in
          sum + element(a, row, k, transposed: transposingA)
            * element(b, k, column, transposed: transposingB)
        }
        let expected = before.elements[row * 5 + column] - 2 * product
        #expect(abs(sum.elements[row * 5 + column] - expected) < 1e-13)
      }
    }
  }

  @Test func gramMatricesAddUp() throws {
    let (first, second) = (try random(6, 4, seed: 4), try random(3, 4, seed: 5))
    var gram = try Matrix(rows: 4, columns: 4)
    try gram.addGram(of: first)
    try gram.addGram(of: second)
    gram.mirror()
    var expected = try Matrix.product(first, first, transposingA: true)
    try expected.add(second, second, transposingA: true)
    #expect(zip(gram.elements, expected.elements).allSatisfy { abs($0 - $1) < 1e-13 })
    #expect(abs(gram.trace - first.dot(first) - second.dot(second)) < 1e-13)
    #expect(try gram.transposed() == gram)
  }

  /// 2x + y = 3 and x + 2y = 0 have the solution (2, -1).
  @Test func twoEquations() throws {
    let a = try Matrix(rows: 2, columns: 2, [1, 1, 1, 1])
    let x = try a.solve(try Matrix(rows: 1, columns: 2, [3, 0]), shift: 1)
    #expect(zip(x.elements, [2, -1]).allSatisfy { abs($0 - $1) < 1e-14 })
  }

  @Test(arguments: [1, 3, 50, 300])
  func residualsOfSolutionsVanish(order: Int) throws {
    let rows = try random(2 * order, order, seed: 6)
    let b = try random(3, order, seed: 7)
    var a = try Matrix(rows: order, columns: order)
    try a.addGram(of: rows)
    let x = try a.solve(b, shift: 0.5)
    a.mirror()
    var residual = b
    try residual.add(x, a, scale: -1)
    for index in residual.elements.indices { residual.elements[index] -= 0.5 * x.elements[index] }
    #expect(residual.elements.allSatisfy { abs($0) < 1e-11 })
  }

  @Test func whatHasNoSolutionIsRefused() throws {
    let b = try Matrix(rows: 1, columns: 2, [1, 1])
    let singular = try Matrix(rows: 2, columns: 2, [1, 1, 1, 1])
    #expect(throws: KernelError.self) { try singular.solve(b) }
    let indefinite = try Matrix(rows: 2, columns: 2, [1, 2, 2, 1])
    #expect(throws: KernelError.self) { try indefinite.solve(b) }
    let infinite = try Matrix(rows: 2, columns: 2, [.nan, 0, 0, 1])
    #expect(throws: KernelError.self) { try infinite.solve(b) }
    #expect(throws: KernelError.self) { try Matrix(rows: 2, columns: 3).solve(b) }
    #expect(throws: KernelError.self) { try Matrix(rows: 3, columns: 3).solve(b, shift: 1) }
  }

  @Test func extentsThatDisagreeAreRefused() throws {
    #expect(throws: KernelError.self) { try Matrix(rows: 1 << 33, columns: 1) }
    #expect(throws: KernelError.self) { try Matrix(rows: -1, columns: 1) }
    #expect(throws: KernelError.self) { try Matrix(rows: 2, columns: 2, [1]) }
    let a = try random(2, 3, seed: 8)
    #expect(throws: KernelError.self) { try Matrix.product(a, a) }
    #expect(throws: KernelError.self) { try a.rows(1..<3) }
    var gram = try Matrix(rows: 2, columns: 2)
    #expect(throws: KernelError.self) { try gram.addGram(of: a) }
  }

  @Test func emptyMatrices() throws {
    let empty = try Matrix(rows: 0, columns: 3)
    #expect(
      try Matrix.product(empty, empty, transposingA: true).elements == Array(repeating: 0, count: 9)
    )
    #expect(try Matrix(rows: 3, columns: 3).solve(empty).rows == 0)
  }
}
