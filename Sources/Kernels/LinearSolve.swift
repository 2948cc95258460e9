import CLAPACK

extension Matrix {
  /// The solutions x of (A + shift I) x = b for each row b of `rows`, as rows, where A is this
  /// symmetric matrix, by Cholesky's factorisation. Only the upper triangle is read.
  ///
  /// - Throws: if A + shift I is not positive definite, or the extents do not agree.
  package func solve(_ rows: Matrix, shift: Double = 0) throws(KernelError) -> Matrix {
    guard self.rows == columns, rows.columns == columns else {
      throw KernelError(
        "\(self.rows) equations of \(columns) unknowns for rows of \(rows.columns) numbers")
    }
    guard columns > 0, rows.rows > 0 else { return rows }
    var (factor, solution) = (elements, rows.elements)
    for index in 0..<columns { factor[index * columns + index] += shift }
    let minor = factor.withUnsafeMutableBufferPointer { factor in
      solution.withUnsafeMutableBufferPointer { solution in
        clapack_solve(
          Int32(columns), Int32(rows.rows), factor.baseAddress, solution.baseAddress)
      }
    }
    guard minor == 0, solution.allSatisfy(\.isFinite) else {
      throw KernelError("a matrix of order \(columns) is not positive definite")
    }
    return try Matrix(rows: rows.rows, columns: columns, solution)
  }
}
