//! Parents and children: two statements, two entries.

use diesel::prelude::*;

use super::CachedDsl as _;
use super::Conn;
use super::blog::{self, Author, Comment, Post};
use super::schema::*;
use super::world::{World, assert_cached, assert_tables};

#[test]
fn r10_children_of_one_parent_and_of_several() {
    World::each(|world| {
        blog::fill(&mut world.conn);
        let authors = blog::authors();

        let of_ada = assert_cached!(
            world,
            Post,
            Post::belonging_to(&authors[0]).order(posts::id)
        );
        assert_eq!(of_ada, blog::posts()[..2]);
        let of_two = assert_cached!(
            world,
            Post,
            Post::belonging_to(&authors[1..]).order(posts::id)
        );
        assert_eq!(of_two, blog::posts()[2..]);
        let of_nobody = assert_cached!(world, Post, Post::belonging_to(&authors[..0]));
        assert_eq!(of_nobody, []);
        assert_tables!(world, Post::belonging_to(&authors), ["posts"]);
    });
}

#[test]
fn r10_each_statement_is_an_entry_of_its_own() {
    type Tree = Vec<(Author, Vec<(Post, Vec<Comment>)>)>;
    fn tree(conn: &mut Conn) -> QueryResult<Tree> {
        let authors: Vec<Author> = authors::table.order(authors::id).cached(conn).load()?;
        let posts: Vec<Post> = Post::belonging_to(&authors)
            .order(posts::id)
            .cached(conn)
            .load()?;
        let comments: Vec<Comment> = Comment::belonging_to(&posts)
            .order(comments::id)
            .cached(conn)
            .load()?;
        let comments = comments.grouped_by(&posts);
        let posts = posts.into_iter().zip(comments).grouped_by(&authors);
        Ok(authors.into_iter().zip(posts).collect())
    }

    World::each(|world| {
        blog::fill(&mut world.conn);

        let (first, sent) = world.sent(tree);
        assert_eq!(sent, 3);
        let first = first.unwrap();
        let sizes: Vec<_> = first
            .iter()
            .flat_map(|(author, posts)| {
                posts
                    .iter()
                    .map(|(post, comments)| (author.id, post.id, comments.len()))
            })
            .collect();
        assert_eq!(sizes, [(1, 1, 2), (1, 2, 0), (2, 3, 1), (3, 4, 0)]);
        assert_eq!(world.sent(tree), (Ok(first), 0));

        diesel::delete(comments::table.find(2))
            .execute(&mut world.conn)
            .unwrap();
        let (again, sent) = world.sent(tree);
        assert_eq!(
            (again.unwrap()[0].1[0].1.len(), sent),
            (1, 1),
            "only the comments"
        );
        diesel::update(authors::table.find(1))
            .set(authors::name.eq("Augusta"))
            .execute(&mut world.conn)
            .unwrap();
        let (again, sent) = world.sent(tree);
        assert_eq!(
            (&*again.unwrap()[0].0.name, sent),
            ("Augusta", 1),
            "only the authors"
        );
    });
}
